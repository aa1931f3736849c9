"""The parts of the page, each about one question; of several runs side by side."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from neurosvt.classification.heatmap import draw_panels
from neurosvt.classification.slopes import measure_slopes, slope_panels
from neurosvt.datasets.any_image import read_named_images
from neurosvt.energy.figures import draw_energy
from neurosvt.report.gather import ReportedRun
from neurosvt.report.html import counted, disclosed, drawn, interval, table
from neurosvt.report.memory import calibration, permanence, presence
from neurosvt.results.style import house_style, legend_below, line_styles, panels, write_figure

Section = tuple[str, str]
"""A title and its HTML."""

MANY = 25
"""Settings that differ, above which they are disclosed away."""

TO_MAKE = {
    "permanence": "neurosvt permanence {run} --json {folder}/permanence.json",
    "accuracy": "neurosvt evaluate {run} --confusion --json {folder}/evaluate.json",
    "energy": "neurosvt energy {run} --json {folder}/energy.json",
}
"""Commands that measure what a page may lack, each into a folder of rows."""


def all_sections(runs: Sequence[ReportedRun], images: Sequence[str] = ()) -> list[Section]:
    """Every part that there is something to say in.

    Args:
        runs: at least one.
        images: over which a DySViT's slopes are drawn.
    """
    parts = [
        ("What it is", facts(runs)),
        ("Settings", settings(runs)),
        ("How it learnt", curves(runs)),
        ("How much it remembers", permanence(runs)),
        ("Does it know that there is something?", presence(runs)),
        ("Does it know how sure it may be?", calibration(runs)),
        ("How often it is right", accuracy(runs)),
        ("What it confuses", confusions(runs)),
        ("What it costs", energy(runs)),
        ("How long it takes", latency(runs)),
        ("Slopes that it learnt", slopes(runs, images)),
        ("What was not measured", missing(runs)),
        ("How it was made", made(runs)),
    ]
    return [(title, content) for title, content in parts if content]


def facts(runs: Sequence[ReportedRun]) -> str:
    """Size, training, classes."""
    lines: list[list[str]] = [
        ["model", *(type(run.trained.model).__name__ for run in runs)],
        ["parameters", *(f"{run.trained.model.parameter_count():,}" for run in runs)],
        ["steps of training", *(f"{run.trained.steps:,}" for run in runs)],
        ["best validation score", *(_best(run) for run in runs)],
        ["classes", *(", ".join(run.trained.run.classes or ()) for run in runs)],
    ]
    return table("", ["", *(run.name for run in runs)], lines)


def _best(run: ReportedRun) -> str:
    """Of the weights that were kept, as they say themselves."""
    known = run.trained.metadata
    return f"{known['score']:.3f} at step {known['step']:,}" if "score" in known else "–"


def settings(runs: Sequence[ReportedRun]) -> str:
    """All settings; with several runs, those that differ first."""
    told = [run.settings for run in runs]
    names = list(dict.fromkeys(name for one in told for name in one))
    lines = {name: [name, *(one.get(name, "–") for one in told)] for name in names}
    head = ["setting", *(run.name for run in runs)]
    if len(runs) == 1:
        return disclosed(f"{len(names)} settings", table("", head, lines.values()))
    differ = [name for name in names if len(set(lines[name][1:])) > 1]
    same = [lines[name] for name in names if name not in differ]
    first = table("", head, [lines[name] for name in differ])
    if len(differ) > MANY:  # models of other kinds
        first = disclosed(f"{len(differ)} differ", first)
    return f'<div class="differ">{first}</div>' + disclosed(
        f"{len(same)} are the same", table("", head, same)
    )


def curves(runs: Sequence[ReportedRun]) -> str:
    """Loss and validation score over steps."""
    learnt = [run for run in runs if run.curve]
    if not learnt:
        return ""

    def draw(path: Path) -> None:
        styles = line_styles(run.name for run in learnt)
        with house_style():
            figure, grid = panels(2, (3.4, 2.2))
            for axes, name, label in zip(
                grid, ("score", "loss"), ("validation score", "loss"), strict=True
            ):
                for run in learnt:
                    points = [row for row in run.curve if row.get(name) is not None]
                    steps = _running_steps(points)
                    options = styles[run.name].options() | {"markersize": 3}
                    axes.plot(steps, [row[name] for row in points], label=run.name, **options)
                axes.set(xlabel="steps", ylabel=label)
                if axes.get_ylim()[1] - axes.get_ylim()[0] < 0.02:  # one point, or as good as one
                    axes.set_ylim(0, None)
            legend_below(figure)
            write_figure(path, figure)

    return drawn(draw, "validation score and loss over steps of training")


def _running_steps(points: Sequence[Mapping[str, Any]]) -> list[float]:
    """Steps over stages, each of which counts from its own beginning."""
    before, last, steps = 0.0, 0.0, []
    for point in points:
        if point["step"] <= last:
            before += last
        last = point["step"]
        steps.append(before + last)
    return steps


def accuracy(runs: Sequence[ReportedRun]) -> str:
    """Of classifiers."""
    lines = [
        [
            run.name,
            str(r.get("dataset", "")),
            interval(r.figure, "accuracy"),
            counted(r.figure("samples")),
        ]
        for run in runs
        for r in run.rows_with("accuracy", "low", "samples")
    ]  # fmt: skip
    head = ["run", "data set", "right, % (95 %)", "samples"]
    return table("", head, lines) if lines else ""


def confusions(runs: Sequence[ReportedRun]) -> str:
    """Samples by what they show and what they were named."""
    text = ""
    for run in runs:
        rows = run.rows_with("shown", "named", "samples")
        if rows:
            classes = list(
                dict.fromkeys([*(r["shown"] for r in rows), *(r["named"] for r in rows)])
            )
            cells = {(r["shown"], r["named"]): counted(r.figure("samples")) for r in rows}
            lines = [[one, *(cells.get((one, other), "") for other in classes)] for one in classes]
            text += table(f"{run.name}: shown down, named across", ["", *classes], lines)
    return text


def energy(runs: Sequence[ReportedRun]) -> str:
    """Operations a frame and their cost."""
    text = ""
    for run in runs:
        rows = run.rows_with("joules_per_frame", "phase", "table")
        if not rows:
            continue
        lines = [
            [
                r["model"], r["phase"], f"{r['table']}, {r['precision']}",
                *(counted(r.figure(name)) for name in ("macs", "acs", "bytes")),
                counted(r.figure("joules_per_frame"), ".3g", 1e6),
            ]
            for r in rows
        ]  # fmt: skip
        head = [
            "model",
            "frames",
            "costs",
            "multiply-adds",
            "additions",
            "bytes moved",
            "µJ a frame",
        ]
        if any(r["phase"] == "active" for r in rows):
            plain = [dict(r) for r in rows]
            about = f"{run.name}: energy a frame"
            text += drawn(lambda path, rows=plain: draw_energy(path, rows), about)  # type: ignore[misc]
        text += disclosed(f"{run.name}: {len(lines)} lines", table("", head, lines))
    return text


def latency(runs: Sequence[ReportedRun]) -> str:
    """Time of a frame."""
    text = ""
    for run in runs:
        rows = run.rows_with("median_ms", "p99_ms", "what")
        if rows:
            lines = [
                [
                    r["name"], f"{r['what']}, {r['shape']}", r["dtype"],
                    *(counted(r.figure(name), ",.1f", 1e3) for name in ("median_ms", "p99_ms")),
                ]
                for r in rows
            ]  # fmt: skip
            head = ["who", "what", "numbers", "median, µs", "p99, µs"]
            text += disclosed(f"{run.name}: {len(lines)} lines", table("", head, lines))
    return text


def slopes(runs: Sequence[ReportedRun], images: Sequence[str]) -> str:
    """Slopes by layer, and over images."""
    text = ""
    for run in runs:
        rows = run.rows_with("slope_low", "slope_mean", "layer")
        if rows:
            names = ("slope_low", "slope_mean", "slope_high", "edge_correlation")
            lines = [
                [r["layer"], *(counted(r.figure(name), ".2f") for name in names)] for r in rows
            ]
            head = ["layer", "lowest", "mean", "highest", "correlation with edges"]
            text += table(run.name, head, lines)
        if images and run.trained.run.model.kind == "dysvit":
            text += _maps(run, images)
    return text


def _maps(run: ReportedRun, images: Sequence[str]) -> str:
    """The slopes of every block over images."""
    side = run.trained.run.model.image_size
    names, pixels = read_named_images(images, side, say=lambda line: None)
    found = measure_slopes(run.trained.model, pixels)
    maps = [slope_panels(found, i, name, by_block=True)[0] for i, name in enumerate(names)]
    title = f"{run.name}: surrogate slopes, mean over each block"
    return drawn(lambda path: draw_panels(path, title, maps), title, "png")


def missing(runs: Sequence[ReportedRun]) -> str:
    """What could be measured of a run, and the command that would."""
    lines = []
    for run in runs:
        # A shipped model has no folder: its rows go to one of their own, which --rows names.
        folder = run.name if Path(run.name).is_dir() else f"runs/{Path(run.name).name}-rows"
        new = "" if folder == run.name else f"mkdir -p {folder}; "
        hides = run.trained.run.hides
        there = {
            "permanence": bool(run.rows_with("judgement", "tier")) or not hides,
            "accuracy": bool(run.rows_with("accuracy", "low")) or hides,
            "energy": bool(run.rows_with("joules_per_frame")),
        }
        lines += [
            f"{run.name}, {name}: "
            f"<code>{escape(new + TO_MAKE[name].format(run=run.name, folder=folder))}</code>"
            for name, known in there.items()
            if not known
        ]
        if new and not all(there.values()):
            lines.append(f"then: <code>neurosvt report {run.name} --rows {folder}</code>")
    return _listed(lines)


def made(runs: Sequence[ReportedRun]) -> str:
    """Command, version, commit, date and machine of every file of rows."""
    heads = {m.file: m.results.head for run in runs for m in run.measurements}
    lines = []
    for file, head in heads.items():
        machine = head.get("hardware") or {}
        chip = f"{machine.get('cpu', '')}, {machine.get('cores', '')} cores"
        where = ", ".join(str(head.get(name, "")) for name in ("version", "commit", "date"))
        lines.append([file, str(head.get("command", "")), where, chip])
    if not lines:
        return ""
    return table("", ["rows", "command", "version, commit, date", "machine"], lines)


def _listed(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""
