"""The parts of the page about what a model remembers, and how well it knows that."""

from collections import Counter
from collections.abc import Sequence

from neurosvt.permanence.figures import draw_calibration, draw_scores
from neurosvt.report.gather import ReportedRun, SourcedRow
from neurosvt.report.html import disclosed, drawn, interval, share, table

ALIKE = ("dataset", "state_noise", "state_bits", "frame_ms", "seed", "weights")
"""What rows of one table have in common; those that were asked otherwise are no part of it."""


def _judged(run: ReportedRun, judgement: str, memory: bool = True) -> list[SourcedRow]:
    """Rows of a judgement from the file that has most of them, of the model itself or of all; as
    the first of them was asked."""
    rows = [r for r in run.rows_with("judgement", "tier") if r["judgement"] == judgement]
    plain = [r for r in rows if r.get("state_bits", 32) == 32 and not r.get("weights")]
    if not plain:
        return []
    file, _ = Counter(r.file for r in plain).most_common(1)[0]
    first = next(r for r in plain if r.file == file)
    kept = [r for r in plain if r.file == file and all(r.get(k) == first.get(k) for k in ALIKE)]
    return [r for r in kept if not memory or r.get("memory") == first.get("memory")]


def permanence(runs: Sequence[ReportedRun]) -> str:
    """Right beliefs by tier and hidden frames, and the picture of them."""
    text = ""
    for run in runs:
        rows = _judged(run, "belief")
        if not rows:
            continue
        lengths = sorted({r["hidden_frames"] for r in rows})
        head = ["right beliefs, % (95 %)", *(f"{n} hidden" if n else "seen" for n in lengths)]
        cells = {(r["tier"], r["hidden_frames"]): interval(r.figure) for r in rows}
        tiers = dict.fromkeys(r["tier"] for r in rows)
        lines = [[tier, *(cells.get((tier, n), "") for n in lengths)] for tier in tiers]
        text += table(run.name, head, lines)
        every = [dict(r) for r in _judged(run, "belief", memory=False)]
        about = f"{run.name}: right beliefs against hidden frames, a panel a tier"
        text += drawn(lambda path, rows=every: draw_scores(path, rows), about)  # type: ignore[misc]
    return text


def presence(runs: Sequence[ReportedRun]) -> str:
    """Presence said rightly."""
    text = ""
    for run in runs:
        rows = [r for r in _judged(run, "presence") if "presence_score" in r]
        if not rows:
            continue
        lengths = sorted({r["hidden_frames"] for r in rows})
        cells = {
            (r["tier"], r["moment"], r["hidden_frames"]): share(r.figure("presence_score"))
            for r in rows
        }
        lines = [
            [
                f"{tier}, {moment.replace('_', ' ')}",
                *(cells.get((tier, moment, n), "") for n in lengths),
            ]
            for tier, moment in dict.fromkeys((r["tier"], r["moment"]) for r in rows)
        ]
        head = ["said rightly, %", *(f"{n} hidden" for n in lengths)]
        text += disclosed(f"{run.name}: {len(lines)} lines", table("", head, lines))
    return text


def calibration(runs: Sequence[ReportedRun]) -> str:
    """Share right against confidence."""
    text = ""
    for run in runs:
        rows = [dict(r) for r in _judged(run, "calibration")]
        if rows:
            about = f"{run.name}: share right against confidence"
            text += drawn(lambda path, rows=rows: draw_calibration(path, rows), about)  # type: ignore[misc]
    return text
