"""Draft labels of a recording of one object: boxes about its events, and when it seems hidden.

A draft is a start for whoever corrects it by hand: events tell where something moves, not what it
is, nor whether what rests is still in view.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.boxes import Boxes
from neurosvt.datasets.index import Span, read_index
from neurosvt.datasets.tracks import LEAST_EVENTS, events_around
from neurosvt.events.recording import Recording
from neurosvt.files import write_whole
from neurosvt.formats import read_events
from neurosvt.formats.options import AS_STATED, ReadOptions

EVERY_S = 0.05
"""Between two boxes: each is told by the 50 ms around it."""

OUTERMOST = 0.05
"""Share of the events on either side that a box leaves out: noise, mostly."""

HIDDEN_S = 0.2
"""So long without enough events may be an object that is hidden, or one that rests."""

BOX_COLUMNS = ("t_s", "left", "top", "width", "height")
DRAFT_COLUMNS = ("recording", "class", "from", "to", "session", "split", "hidden", "boxes")
"""Of an index that begins with a draft."""


@dataclass(frozen=True)
class Draft:
    """What the events of a recording seem to say."""

    boxes: Boxes
    """Seconds after the first event; pixels."""
    hidden: tuple[Span, ...]
    """When too few events fall to tell where the object is."""
    seconds: float
    """How long it lasts."""


def draft_labels(recording: Recording) -> Draft:
    """Boxes about most events of every `EVERY_S`, and the spans without enough of them.

    Raises:
        UserError: it holds no event, or never `LEAST_EVENTS` of them within 50 ms.
    """
    if not len(recording.events):
        raise UserError(f"{recording.name} holds no event to label")
    first, last = int(recording.events["t"].min()), int(recording.events["t"].max())
    seconds = (last - first) / 1e6
    at = np.arange(0, seconds + EVERY_S, EVERY_S)
    low, high, xy = events_around(recording, first + np.rint(at * 1e6).astype(np.int64))
    told = np.flatnonzero(high - low >= LEAST_EVENTS)
    if not len(told):
        raise UserError(f"{recording.name}: never {LEAST_EVENTS} events within 50 ms to label")
    corners = np.array(
        [np.quantile(xy[low[i] : high[i]], [OUTERMOST, 1 - OUTERMOST], axis=0) for i in told]
    )
    box = np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0] + 1], -1)
    gaps = pairwise([0.0, *at[told].tolist(), seconds])
    hidden = tuple((a, b) for a, b in gaps if b - a >= HIDDEN_S + EVERY_S)
    return Draft(Boxes(at[told], box), hidden, seconds)


def label_file(
    file: str | Path, name: str, index: str | Path, options: ReadOptions = AS_STATED
) -> Draft:
    """Draft the labels of a recording: a file of boxes and a line in an index, both beside it.

    Args:
        file: an event file of any format.
        name: the class of its object.
        index: CSV to add a line to; a new one is begun. Boxes go beside it.
        options: how to read the file, where it does not say.

    Raises:
        FileNotFoundError: there is no such recording.
        UserError: it tells nothing, is labelled already, or the index is none of ours.
    """
    file, index = Path(file), Path(index)
    rows = _rows(index)
    told = _beside(file, index)
    if any(row.get("recording") == told for row in rows):
        raise UserError(f"{index} has a line for {told} already: correct it there, or remove it")
    boxes = index.parent / f"{file.stem}_boxes.csv"
    if boxes.exists():
        raise UserError(f"{boxes} is there already: what was corrected is not written over")
    draft = draft_labels(read_events(file, options=options))
    table = np.column_stack([draft.boxes.t, draft.boxes.box]).round(3).tolist()
    write_whole(
        boxes, _csv(BOX_COLUMNS, [dict(zip(BOX_COLUMNS, row, strict=True)) for row in table])
    )
    spans = ";".join(f"{begin:.2f}-{end:.2f}" for begin, end in draft.hidden)
    row = {"recording": told, "class": name, "hidden": spans, "boxes": boxes.name}
    columns = list(dict.fromkeys([*(rows[0] if rows else DRAFT_COLUMNS), *row]))
    write_whole(index, _csv(columns, [*rows, row]))
    return draft


def _rows(index: Path) -> list[dict[str, str]]:
    """What an index says so far, as it is written."""
    if not index.exists():
        return []
    read_index(index)  # refused where it is wrong, before anything is written
    text = index.read_text(encoding="utf-8-sig")
    if text.lstrip().startswith("["):
        raise UserError(f"{index} is JSON: drafts are lines of CSV")
    return list(csv.DictReader(io.StringIO(text)))


def _beside(file: Path, index: Path) -> str:
    """A recording's path as an index says it: relative to it where it lies below it."""
    file, folder = file.resolve(), index.resolve().parent
    return str(file.relative_to(folder) if file.is_relative_to(folder) else file)


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
