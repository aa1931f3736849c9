"""Tables and pictures as HTML; every figure of a table carries where it stands."""

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from neurosvt.pages.table import cell, html_table
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
    named = ((_text(first), map(_cell, rest)) for first, *rest in lines)
    return html_table(list(head), named, caption=caption)


def _text(told: Cell) -> str:
    return told if isinstance(told, str) else told[0]


def _cell(told: Cell) -> str:
    text, figures = (told, ()) if isinstance(told, str) else told
    sources = " ".join(figure.source for figure in figures if figure.value is not None)
    return cell(escape(text), class_="long" if len(text) > LONG else "", data_of=sources)


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
