"""PermanenceBench from beginning to end: cell by cell, going on where it stopped."""

import argparse
import hashlib
import json
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.datasets import nmnist
from neurosvt.experiments.checkpoints import model_file
from neurosvt.experiments.zoo import RIVALS, available, tell_missing
from neurosvt.files import write_whole
from neurosvt.permanence.cost import effort, effort_table
from neurosvt.permanence.evaluate import cells
from neurosvt.permanence.figures import draw_calibration, draw_errors, draw_scores
from neurosvt.permanence.metrics import reliability
from neurosvt.permanence.reacquisition import measure_reacquisition
from neurosvt.permanence.score_table import Plan, rows_of, score_table, told_once
from neurosvt.permanence.tasks import SceneTask
from neurosvt.results.places import check_folder
from neurosvt.results.rows import load_or_compute, plain, write_results


@dataclass(frozen=True)
class Suite:
    """How much is asked."""

    hidden: tuple[int, ...]
    events: int
    varied: tuple[dict[str, Any], ...] = ()
    """Ours once more with other options."""


SUITES = {
    "quick": Suite((30, 60), 200, ({"blind": True, "hidden": (60,)},)),
    "full": Suite(
        (30, 60, 120, 300, 1000),
        1000,
        (
            {"blind": True, "hidden": (60,)},
            {"state_noise": 0.0},
            {"state_bits": 16},
            {"state_bits": 8},
            {"frame_ms": 5.0, "hidden": (60, 120)},
            {"frame_ms": 20.0, "hidden": (15, 30)},
        ),
    ),
}
REGAIN = ("blackout", "curtain", "gripper")
"""Tiers in which it is counted how much has to be seen again."""

REGAIN_HIDDEN = 60

EFFORT = ("curtain", 60)
"""Where operations are counted."""

STATE_NOISE = 0.01
"""On every model's state, in thresholds."""


def run_suite(args: argparse.Namespace) -> int:
    """Judge what is not judged yet, then write one JSON and figures, and print the table."""
    out = check_folder(args.out)
    suite = SUITES[args.suite]
    plans = list(_plans(args, suite))
    (out / "cells").mkdir(parents=True, exist_ok=True)
    marks = [_fingerprint(plan) for plan in plans]
    total = [
        (plan, mark, *cell)
        for plan, mark in zip(plans, marks, strict=True)
        for cell in cells(plan.task, plan.hidden, plan.tiers)
    ]
    records = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("cells", total=len(total))
        for plan, mark, tier, hidden in total:
            records.append(_cell(out / "cells", plan, mark, tier, hidden))
            progress.advance(bar)
    asked = [tier for tier in REGAIN if tier in plans[0].tiers]
    saved = [row for tier in asked for row in _regained(out / "cells", plans[0], marks[0], tier)]
    done = []
    if EFFORT[0] in plans[0].tiers:
        done = load_or_compute(
            out / "cells" / f"effort_{marks[0]}.json", lambda: effort(plans[0], *EFFORT)
        )
    rows = told_once(row for record in records for row in record["rows"])
    usual = [record for record, (plan, *_) in zip(records, total, strict=True) if plan is plans[0]]
    own = [row for record in usual for row in record["calibration"]]
    command = _command(args)
    further = {"calibration": own, "regain": saved, "effort": done}
    whole = [*rows, *({"judgement": what, **row} for what in further for row in further[what])]
    for path in filter(None, (out / "permanence.json", args.json)):
        write_results(path, command, whole)
    first = [row for row in rows if _usual(row, plans[0])]
    draw_scores(out / "score.svg", first)
    draw_errors(out / "place_error.svg", first)
    draw_calibration(out / "calibration.svg", own)
    console = Console(width=110)
    console.print(score_table(first))
    console.print(_regain_table(saved))
    console.print(effort_table(done))
    seconds = sum(record["seconds"] for record in records)
    print(f"{len(total)} cells, {seconds / 60:.1f} minutes of judging: {out}/permanence.json")
    return 0


def _plans(args: argparse.Namespace, suite: Suite) -> Iterator[Plan]:
    """What is judged: a family on scenes, ours varied, and recordings where there are any."""
    name = args.run or "permanence"
    there = available(name, RIVALS)
    if not there:
        raise UserError(f"{model_file(name)} is not trained to its end")
    tell_missing(there, RIVALS)
    first = _plan(args, suite, run=name, memory=",".join(there))
    yield first
    scenes = isinstance(first.task, SceneTask)
    for options in suite.varied:
        if scenes or not options.get("blind"):  # recordings show what they show
            yield _plan(args, suite, run=name, memory="leaky", **options)
    if args.run is None:
        try:
            nmnist.load_nmnist("test")
        except FileNotFoundError as error:
            print(f"N-MNIST left out: {error}", file=sys.stderr)
        else:
            there = available("nmnist", RIVALS)
            yield _plan(args, suite, run="nmnist", memory=",".join(there), tiers=None)


def _plan(args: argparse.Namespace, suite: Suite, **options: Any) -> Plan:
    hidden = options.pop("hidden", suite.hidden)
    chosen = {
        "state_noise": STATE_NOISE, "state_bits": 32, "frame_ms": None, "blind": False,
        "tiers": args.tiers, "events": suite.events, "seed": args.seed,
        "hidden": ",".join(map(str, hidden)), **options,
    }  # fmt: skip
    return Plan.of(argparse.Namespace(**chosen))


def _command(args: argparse.Namespace) -> str:
    """The command line that asks the same again."""
    words = ["neurosvt", "permanence", *([args.run] if args.run else []), "--suite", args.suite]
    words += ["--tiers", args.tiers] if args.tiers else []
    return shlex.join([*words, "--seed", str(args.seed)])


def _usual(row: dict[str, Any], plan: Plan) -> bool:
    """Whether a row is of the table and the figures: of the first plan, as all rivals are asked."""
    usual = row["state_noise"] == STATE_NOISE and row["state_bits"] == 32
    usual &= not row["memory"].endswith("blind")
    frame_ms = plan.task.scene.frame_us / 1000
    return usual and (row["frame_ms"], row["dataset"]) == (frame_ms, plan.task.name)


def _cell(folder: Path, plan: Plan, mark: str, tier: str, hidden: int) -> dict[str, Any]:
    """One cell, from its file if it is there and of the same models and questions."""
    path = folder / f"{plan.run.replace('/', '_')}_{tier}_{hidden}_{mark}.json"
    if path.exists():
        return json.loads(path.read_text())
    begun = time.perf_counter()
    outcomes = plan.evaluate_cell(tier, hidden)
    first = next(iter(outcomes))
    record = {
        "rows": plain(rows_of(plan, tier, hidden, outcomes)),
        "calibration": plain(
            {"memory": first, "tier": tier, "hidden_frames": hidden, **row}
            for row in reliability(outcomes[first]["belief"])
        ),
        "seconds": time.perf_counter() - begun,
    }
    write_whole(path, json.dumps(record).encode())
    return record


def _regained(folder: Path, plan: Plan, mark: str, tier: str) -> list[dict[str, Any]]:
    """How much has to be seen again after `REGAIN_HIDDEN` frames, from its file if it is there."""

    def evaluate_batch() -> Iterator[dict[str, Any]]:
        assert isinstance(plan.task, SceneTask)
        found = measure_reacquisition(
            plan.models(), plan.task, tier, REGAIN_HIDDEN, min(plan.events, 200), **plan.options()
        )
        for memory, one in found.items():
            yield {"memory": memory, "tier": tier, "hidden_frames": REGAIN_HIDDEN, **one.row()}

    return load_or_compute(folder / f"regain_{tier}_{mark}.json", evaluate_batch)


def _regain_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        title=f"until the class is right three frames on end, after {REGAIN_HIDDEN} hidden frames"
    )
    for column in ("tier", "memory", "right at once", "frames", "events"):
        table.add_column(column, justify="left" if column in ("tier", "memory") else "right")
    for r in rows:
        table.add_row(
            r["tier"], r["memory"], f"{r['right_at_once']:.0%}", f"{r['frames_mean']:.1f}",
            f"{r['events_mean']:.0f}",
        )  # fmt: skip
    return table


def _fingerprint(plan: Plan) -> str:
    """What tells cells apart that ask otherwise, or other weights."""
    asked = (__version__, plan.memories, plan.events, plan.seed, plan.options(), plan.task)
    told = hashlib.sha256(repr(asked).encode())
    for name in sorted({one.name for one in plan.trained.values()}):
        told.update(model_file(name).read_bytes())
    return told.hexdigest()[:12]
