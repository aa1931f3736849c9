"""One HTML page on which to watch a model remember, and to read how often it is right.

`page.html` has holes: the data as JSON, four tables, a title and the version. The page asks for
nothing from anywhere, so it can be opened from a disk, sent by mail, or kept beside its results.

Axes: T frames, C classes, H W pixels.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.demo.equal_training import EqualScore, equal_grid, equal_title
from neurosvt.files import write_whole
from neurosvt.pages import fill_page, page_data
from neurosvt.pages.table import cell, html_table
from neurosvt.results.palette import PALETTE

PageRow = Mapping[str, Any]


@dataclass(frozen=True)
class BeliefTrack:
    """What one model said about an episode, frame by frame."""

    model: str
    """Its title as in the score table: "leaky", "lif tau 2.0", "none", "latch"."""
    probabilities: np.ndarray
    """(T, C): one probability per class."""
    position: np.ndarray
    """(T, 2): x, y as shares of the sensor."""
    unseen: np.ndarray
    """(T,): probability that the object cannot be seen."""
    presence: np.ndarray | None = None
    """(T,) of `neurosvt.presence.Presence`: what it said of the object's being there."""
    spikes: np.ndarray | None = None
    """(T,): spikes in the spatial part."""
    synops: np.ndarray | None = None
    """(T,): synaptic operations."""


@dataclass(frozen=True)
class Episode:
    """One sequence as the models saw it, with the truth where there is one."""

    title: str
    frames: np.ndarray
    """(T, 2, H, W): which pixels gave an OFF and which an ON event."""
    frame_ms: float
    position: np.ndarray | None
    """(T, 2): true x, y as shares of the sensor."""
    hidden: np.ndarray | None
    """(T,): whether the object is fully hidden."""
    label: np.ndarray | None
    """(T,): the true class."""
    classes: tuple[str, ...]
    occluder: np.ndarray | None
    """(T, 7): nx, ny, light, and two opaque bands, each from where to where: it covers the points
    with from <= nx x + ny y < to, in shares of the sensor; light runs from 0, dark, to 1."""
    beliefs: tuple[BeliefTrack, ...]
    """One per model shown, ours first."""

    def __post_init__(self) -> None:
        if self.frames.ndim != 4 or self.frames.shape[1] != 2:
            raise ValueError(
                f"episode {self.title!r}: frames is {self.frames.shape}, expected (T, 2, H, W)"
            )
        steps, classes = len(self.frames), len(self.classes)
        expected = [
            ("position", self.position, (steps, 2)),
            ("hidden", self.hidden, (steps,)),
            ("label", self.label, (steps,)),
            ("occluder", self.occluder, (steps, 7)),
        ]
        for b in self.beliefs:
            expected += [
                (f"probabilities of {b.model!r}", b.probabilities, (steps, classes)),
                (f"position of {b.model!r}", b.position, (steps, 2)),
                (f"unseen of {b.model!r}", b.unseen, (steps,)),
                (f"spikes of {b.model!r}", b.spikes, (steps,)),
                (f"synops of {b.model!r}", b.synops, (steps,)),
            ]
        for what, array, shape in expected:
            if array is not None and array.shape != shape:
                raise ValueError(
                    f"episode {self.title!r}: {what} is {array.shape}, expected {shape}"
                )
        for label in () if self.label is None else np.unique(self.label):
            if not 0 <= label < classes:
                raise ValueError(f"episode {self.title!r}: label {label} is not below {classes}")


def write_page(
    path: str | Path,
    *,
    episodes: Sequence[Episode],
    rows: Sequence[PageRow],
    facts: Mapping[str, str],
    version: str,
    about: Mapping[str, str] | None = None,
    equal: Sequence[EqualScore] = (),
) -> None:
    """Write the page: a player for `episodes`, score against hidden length, and the tables.

    Args:
        path: the file to write; its folder is made, an older page is replaced, whole or not at all.
        episodes: what can be played, one tab each.
        rows: flat permanence rows, as `neurosvt permanence --json` prints them; those of presence
            are not shown.
        facts: further figures as name and text: parameters, time constants, spikes per frame.
        version: of the program that made the results.
        about: what each row is, by its title.
        equal: scores at equal training.
    """
    rows = [_named(row, rows[0]) for row in rows if row.get("judgement") != "presence"]
    shown = [_plain_episode(episode) for episode in episodes]
    data = _plain({"episodes": shown, "rows": rows, "palette": PALETTE})
    holes = {
        "version": escape(version),
        "scores": _score_tables(rows),
        "facts": _fact_table(facts),
        "about": _fact_table(about or {}),
        "equal-title": escape(equal_title(equal)) if equal else "",
        "equal": _equal_table(equal) if equal else "",
        "data": page_data(data),
    }
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, fill_page("neurosvt.demo", "page.html", holes).encode())


def _plain_episode(episode: Episode) -> dict[str, Any]:
    """Frames become one bit per pixel and polarity, in memory order, lowest bit first."""
    bits = np.packbits(episode.frames.astype(bool), bitorder="little")
    frames = {
        "shape": episode.frames.shape,
        "bits": base64.b64encode(bits.tobytes()).decode("ascii"),
    }
    return {**vars(episode), "frames": frames, "beliefs": [vars(b) for b in episode.beliefs]}


def _plain(value: Any) -> Any:
    """What JSON can hold: arrays as lists to 4 decimals, a number that is not finite as null."""
    match value:
        case np.ndarray() if value.dtype.kind == "f":
            return _plain(value.astype(float).round(4).tolist())
        case np.ndarray() | np.generic():
            return _plain(value.tolist())
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case float() if not math.isfinite(value):
            return None
    return value


def _named(row: PageRow, first: PageRow) -> PageRow:
    """The row with the name of its model, and with the panel it belongs to."""
    base = str(row.get("memory") or row.get("model") or "?")
    if row.get("tau") is not None and math.isfinite(row["tau"]):
        base += f" tau {float(row['tau'])}"
    if base == "constant":
        base = "best constant guess"
    usual = {"state_noise": 0, "state_bits": 32, **{k: first.get(k) for k in ("frame_ms", "seed")}}
    changed = [
        f"{k.replace('_', ' ')} {row[k]}" for k, v in usual.items() if row.get(k) not in (None, v)
    ]
    if row.get("train_steps") and row["train_steps"] != first.get("train_steps"):
        changed.append(f"{row['train_steps']:,} steps")
    scene = row.get("dataset", "scenes") == "scenes"
    panel = str(row.get("tier")) if scene else f"{row.get('tier')}, {row['dataset']}"
    return {**row, "base": base, "name": ", ".join([base, *changed]), "panel": panel}


def _score_tables(rows: Sequence[PageRow]) -> str:
    """One table per judgement and panel; what is not a belief is folded away."""
    tables: dict[str, dict[str, list[PageRow]]] = {}
    for row in rows:
        judgement = str(row.get("judgement", "belief"))
        tables.setdefault(judgement, {}).setdefault(row["panel"], []).append(row)
    text = ""
    for judgement, panels in tables.items():
        part = "".join(_score_table(f"{name}: {judgement}", rows) for name, rows in panels.items())
        folded = f"<details><summary>{escape(judgement)}</summary>{part}</details>"
        text += part if judgement == "belief" else folded
    return text


def _score_table(caption: str, rows: Sequence[PageRow]) -> str:
    """Models down, hidden lengths across."""
    lengths = sorted({row["hidden_frames"] for row in rows})
    cells = {(row["name"], row["hidden_frames"]): row for row in rows}
    lines = (
        (name, [cell(_score(cells.get((name, k), {}))) for k in lengths])
        for name in dict.fromkeys(row["name"] for row in rows)
    )
    return html_table(["hidden frames", *map(str, lengths)], lines, caption=caption)


def _score(row: PageRow) -> str:
    """Score and interval, and below them class score and place error, as far as they are known."""

    def known(form: str, *keys: str) -> str:
        values = [row.get(key) for key in keys]
        finite = all(value is not None and math.isfinite(value) for value in values)
        return form.format(*values) if finite else ""

    if not known("{}", "score"):
        return "not run"
    below = [known("class {:.1%}", "class_score"), known("{:.1f} px off", "place_error_px")]
    return (
        known("<b>{:.1%}</b>", "score")
        + known(" <small>{:.1%} to {:.1%}</small>", "low", "high")
        + f"<br><small>{', '.join(filter(None, below))}</small>"
    ).replace("%", " %")


def _equal_table(equal: Sequence[EqualScore]) -> str:
    """Models down, tiers across."""
    tiers, lines = equal_grid(equal)
    told = ((label, [cell(escape(text)) for text in texts]) for label, *texts in lines)
    return html_table(["model", "what it is", *tiers], told)


def _fact_table(facts: Mapping[str, str]) -> str:
    lines = ((str(name), [cell(escape(str(told)))]) for name, told in facts.items())
    return html_table([], lines, kind="")
