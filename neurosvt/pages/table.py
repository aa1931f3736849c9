"""Tables of pages: a box that scrolls, names down the first column."""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(
    head: Sequence[str],
    lines: Iterable[tuple[str, Iterable[str]]],
    *,
    caption: str = "",
    kind: str = "scores",
) -> str:
    """A table as HTML.

    Args:
        head: texts above the columns, the first included; none for no head.
        lines: the name of each line, a text, and its cells, as `cell` makes them.
        caption: a text; none for no caption.
        kind: its class: "scores" keeps short cells in one line, "" does not.
    """
    above = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>' for name, cells in lines
    )
    about = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{above}</tr></thead>" if above else ""
    opened = f'<table class="{escape(kind)}">' if kind else "<table>"
    return (
        f'<div class="scroll" tabindex="0">{opened}{about}{top}<tbody>{body}</tbody></table></div>'
    )


def cell(html: str, **attributes: str) -> str:
    """A cell of what is HTML already; attributes as `class_` and `data_of`."""
    told = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value
    )
    return f"<td{told}>{html}</td>"
