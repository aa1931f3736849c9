"""Predictions for files and for people: rows, and the table of `neurosvt predict`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table

from neurosvt.datasets.named_images import is_number
from neurosvt.experiments.checkpoints import Checkpoint
from neurosvt.experiments.predictions import predict_images, predict_recording
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.presence import presence_words


def check_files(words: Sequence[str]) -> None:
    """Refuse, before anything is loaded, a file that is not there.

    Raises:
        FileNotFoundError: the first of them.
    """
    for word in words:
        if not is_number(word) and not Path(word).is_file():
            raise FileNotFoundError(f"{word}: no such file")


def prediction_rows(
    trained: Checkpoint,
    words: Sequence[str],
    *,
    every: int = 1,
    options: ReadOptions = AS_STATED,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[dict[str, Any]]:
    """What a model says of files: a row an image, or a row a window.

    Args:
        trained: the model.
        words: images if it is one for images, else event files.
        every, options: as of `predict_recording`.
        say: told in a line what was cut off, resized, guessed, damaged or skipped.

    Raises:
        FileNotFoundError, UserError: as `predict_images` and `predict_recording`.
    """
    about = {"model": trained.name}
    if trained.takes_images:
        for image in predict_images(trained.model, words, say=say):
            yield about | image.row()
        return
    for word in words:
        told = predict_recording(trained.model, word, every=every, options=options, say=say)
        for belief in told:
            yield about | {"file": word} | belief.row()


def prediction_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows for people: a line an image; of a recording a line for each stretch of time in which
    the class stays the same, and whether it is there, seen, and remembered."""
    if not rows or "window" not in rows[0]:
        table = Table("file", "class")
        table.add_column("sure", justify="right")
        for row in rows:
            table.add_row(row["file"], row["class"], f"{row['probability']:.1%}")
        return table
    table = Table("file", title="what was believed, and where at the end of each stretch")
    for column in ("from, s", "to, s"):
        table.add_column(column, justify="right")
    for column in ("class", "sure", "place, px", "presence"):
        table.add_column(column)
    begun = {row["file"]: row["t_us"] for row in reversed(rows)}
    for (file, name, presence), group in groupby(rows, _believed):
        stretch = list(group)
        last = stretch[-1]
        since = [(row["t_us"] - begun[file]) / 1e6 for row in (stretch[0], last)]
        table.add_row(
            file, f"{since[0]:.2f}", f"{since[1]:.2f}", name,
            f"{sum(row['probability'] for row in stretch) / len(stretch):.1%}",
            f"({last['x_px']:.0f}, {last['y_px']:.0f})", presence,
        )  # fmt: skip
    return table


def _believed(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["file"], row["class"], presence_words(row["presence"], row["forgotten"])
