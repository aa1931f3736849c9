"""Tables and pictures as HTML; every figure of a table carries where it stands."""

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from neurosvt.report.gather import RowFigure

Cell = str | tuple[str, Sequence[RowFigure]]
"""Text, or what some figures read as and these figures."""

LONG = 40
"""Characters above which a cell has several lines."""


def share(figure: RowFigure) -> Cell:
    """A fraction in per cent."""
    return (_in(figure, lambda x: f"{100 * x:.1f}"), [figure])


def interval(row: Callable[[str], RowFigure], name: str = "score") -> Cell:
    """A fraction and its 95 % interval, in per cent."""
    figures = [row(name), row("low"), row("high")]
    middle, low, high = (_in(f, lambda x: f"{100 * x:.1f}") for f in figures)
    return (f"{middle} ({low} to {high})" if low and high else middle, figures)


def counted(figure: RowFigure, form: str = ",.0f", times: float = 1) -> Cell:
    """A number in this format."""
    return (_in(figure, lambda x: format(times * x, form)), [figure])


def _in(figure: RowFigure, shown: Callable[[float], str]) -> str:
    return "" if figure.value is None else shown(figure.value)


def table(caption: str, head: Iterable[str], lines: Iterable[Sequence[Cell]]) -> str:
    """The first cell of each line names it."""
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(f"<tr>{_line(line)}</tr>" for line in lines)
    return (
        '<div class="scroll" tabindex="0"><table class="scores">'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _line(cells: Sequence[Cell]) -> str:
    first, *rest = cells
    name = first if isinstance(first, str) else first[0]
    return f'<th scope="row">{escape(name)}</th>' + "".join(map(_cell, rest))


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        long = ' class="long"' if len(cell) > LONG else ""
        return f"<td{long}>{escape(cell)}</td>"
    text, figures = cell
    sources = " ".join(figure.source for figure in figures if figure.value is not None)
    return f'<td data-of="{escape(sources)}">{escape(text)}</td>'


def drawn(draw: Callable[[Path], object], about: str, kind: str = "svg") -> str:
    """A picture that a function draws into a file, as a part of the page."""
    with TemporaryDirectory(prefix="neurosvt-report-") as folder:
        path = Path(folder) / f"figure.{kind}"
        draw(path)
        data = base64.b64encode(path.read_bytes()).decode()
    form = "svg+xml" if kind == "svg" else kind
    return f'<img alt="{escape(about)}" src="data:image/{form};base64,{data}">'


def disclosed(summary: str, content: str) -> str:
    """What is shown when asked for."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
