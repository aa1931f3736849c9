"""The page: one file that loads nothing."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from neurosvt import __version__
from neurosvt.files import write_whole
from neurosvt.pages import fill_page
from neurosvt.report.gather import gather_run, read_measurements
from neurosvt.report.sections import all_sections


def write_report(
    path: str | Path,
    names: Sequence[str],
    *,
    rows: Iterable[str | Path] = (),
    images: Sequence[str] = (),
    command: str = "neurosvt report",
) -> Path:
    """Report on runs, side by side.

    Args:
        path: the file to write; its folder is made.
        names: run folders, or shipped models.
        rows: files of results, or folders of them, beside what lies in the run folders.
        images: over which a DySViT's slopes are drawn, as of `read_named_images`.
        command: that makes the page again.

    Raises:
        UserError, FileNotFoundError: as of `gather_run`; an image that cannot be read.
    """
    measured = read_measurements(map(Path, rows))
    runs = [gather_run(name, measured) for name in names]
    sections = all_sections(runs, images)
    title = ", ".join(names)
    body = "".join(
        f'<section id="part-{i}" aria-labelledby="title-{i}"><h2 id="title-{i}">'
        f'{escape(heading)}</h2><div class="card">{content}</div></section>'
        for i, (heading, content) in enumerate(sections)
    )
    links = "".join(
        f'<a href="#part-{i}">{escape(heading)}</a>' for i, (heading, _) in enumerate(sections)
    )
    page = fill_page("neurosvt.report", "page.html", {
        "title": escape(title), "parts-of": links, "sections": body,
        "version": escape(__version__), "command": escape(command),
    })  # fmt: skip
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page.encode())
    return path
