"""The tables of README.md, from the newest JSON of each measurement: python benchmarks/tables.py.

Every table stands between `<!-- table: NAME -->` and `<!-- end -->`; what is there is replaced. A
test holds that nothing would change.
"""

import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
HIDDEN = (30, 60, 120, 300, 1000)
MOVING = {"curtain_moving": "curtain, object moves on"}
RIVALS = {
    "leaky": "**leaky**, ours",
    "latch": "latch",
    "last_seen": "where it was last seen",
    "velocity": "a line through the visible track",
    "charge_2": "charge, tau 2",
    "lif_1": "lif, tau 1.1",
    "lif": "lif, tau 2",
    "lif_5": "lif, tau 5",
    "lif_20": "lif, tau 20",
    "lif_100": "lif, tau 100",
    "gru": "GRU",
    "lstm": "LSTM",
    "convlstm": "ConvLSTM",
    "none": "none",
}
"""What stands beside ours, in the order in which it is shown."""
ABLATION = {
    "leaky": "**as it is**",
    "fixed_tau": "time constants not learnt",
    "no_gate": "no gate empties a channel",
    "divided_drive": "drive divided by the time constant",
    "reset": "emptied where its charge reaches 1",
    "spikes_out": "heads read spikes, not charge",
    "read_by_attention": "read by attention (SDSA), not by position",
    "seen_steps_only": "nothing asked of hidden steps",
    "no_write_gates": "every frame is written",
    "no_look_back": "write gates see the frame alone",
    "strength_untold": "heads not told how long ago",
    "shallow_head": "heads of one layer",
    "lone_events": "lone events not dropped",
}
"""Ours with one thing changed, and what that is."""
SLOPES = {
    "slope_1": "fixed at 1",
    "slope_2": "fixed at 2",
    "slope_5": "fixed at 5",
    "layer": "learnt, one a layer",
    "token": "**learnt, one a token: the protocol**",
    "token_no_pre_norm": "the protocol without norm before attention and MLP",
    "token_no_scaling": "the protocol, branches not halved",
    "token_no_guard": "the protocol without NaN guard",
}
"""Runs of ablation.py."""
DENSE = {
    "neurosvt": "**NeuroSVT**",
    "vit-tiny": "ViT-Tiny",
    "vit-tiny-gated": "ViT-Tiny, frames with events alone",
    "dense-twin": "dense twin",
    "dense-twin-active": "dense twin, active tokens alone",
}

Row = Mapping[str, Any]


def newest(name: str) -> list[dict[str, Any]]:
    """The rows of a measurement's newest file."""
    named = re.compile(rf"{name}_(x86_64|aarch64|arm64)_\d{{4}}-\d\d-\d\d")
    files = [path for path in HERE.glob("results/*.json") if named.fullmatch(path.stem)]
    return json.loads(max(files, key=lambda path: path.stem[-10:]).read_text())["rows"]


def usual(row: Row) -> bool:
    """Whether it is of made-up scenes and nothing but the noise on the state was varied."""
    keys = ("judgement", "dataset", "state_noise", "state_bits", "frame_ms")
    return [row.get(key) for key in keys] == ["belief", "scenes", 0.01, 32, 10.0]


def share(row: Row) -> str:
    """In per cent, with its interval."""
    return f"{100 * row['score']:.1f} ({100 * row['low']:.0f}-{100 * row['high']:.0f})"


def markdown(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table."""
    head = list(head)
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def permanence() -> str:
    """Belief of the shipped model, by tier and length of darkness."""
    rows = [r for r in newest("permanence") if usual(r) and r["memory"] == "leaky"]
    at = {(r["tier"], r["hidden_frames"]): share(r) for r in rows}
    head = ["", "seen", "30 hidden", *map(str, HIDDEN[1:])]
    return markdown(
        head,
        (
            [MOVING.get(tier, tier), *(at.get((tier, length), "") for length in (0, *HIDDEN))]
            for tier in dict.fromkeys(tier for tier, _ in at)
        ),
    )


OTHERWISE: dict[str, tuple[str, float, int, float, int]] = {
    "noise of 1 % of a threshold on the state": ("leaky", 0.01, 32, 10.0, 60),
    "no noise on the state": ("leaky", 0.0, 32, 10.0, 60),
    "16-bit memory": ("leaky", 0.01, 16, 10.0, 60),
    "8-bit memory": ("leaky", 0.01, 8, 10.0, 60),
    "frames of 5 ms": ("leaky", 0.01, 32, 5.0, 120),
    "frames of 20 ms": ("leaky", 0.01, 32, 20.0, 30),
    "the occluder without the object": ("leaky, blind", 0.01, 32, 10.0, 60),
}
"""Memory, noise on the state, its bits, length and number of hidden frames: 600 ms always."""


def otherwise() -> str:
    """The same model, asked in other ways."""
    keys = ("memory", "state_noise", "state_bits", "frame_ms", "hidden_frames", "tier")
    rows = [r for r in newest("permanence") if r["judgement"] == "belief"]
    at = {tuple(r[key] for key in keys): share(r) for r in rows if r["dataset"] == "scenes"}
    tiers = list(dict.fromkeys(key[-1] for key in at))
    return markdown(
        ["600 ms hidden", *(MOVING.get(tier, tier) for tier in tiers)],
        (
            [name, *(at.get((*asked, tier), "") for tier in tiers)]
            for name, asked in OTHERWISE.items()
        ),
    )


def regained() -> str:
    """What has to be seen again until the class is right for good."""
    rows = [r for r in newest("permanence") if r["judgement"] == "regain"]
    head = (
        "after 60 hidden frames",
        "",
        "right at once",
        "frames until right",
        "events until right",
    )
    return markdown(
        head,
        (
            [
                r["tier"], RIVALS[r["memory"]], f"{100 * r['right_at_once']:.0f} %",
                f"{r['frames_mean']:.1f}", f"{r['events_mean']:.0f}",
            ]
            for r in rows
            if r["memory"] in ("leaky", "none", "lif")
        ),
    )  # fmt: skip


def of_seeds(rows: list[Row]) -> str:
    """One seed with its interval; several as their mean, from the lowest to the highest."""
    if len(rows) == 1:
        return share(rows[0])
    scores = [100 * r["score"] for r in rows]
    return f"{sum(scores) / len(scores):.1f} [{min(scores):.0f}-{max(scores):.0f}]"


def beside(
    found: list[dict[str, Any]], names: Mapping[str, str], first: str, hidden: int = 60
) -> str:
    """Lines of rivals.py, by tier; what leads of those trained alike in bold; what of it is the
    class, all tiers taken together; parameters, and what is done per frame in view."""
    rows = [r for r in found if (r["moment"], r.get("hidden_frames")) == ("belief", hidden)]
    at_work = {r["memory"]: r for r in found if r.get("phase") == "active"}
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    lines: dict[str, list[list[Row]]] = {}
    for name in names:
        own = [r for r in rows if r["memory"] == name]
        if own:
            lines[name] = [[r for r in own if r["tier"] == tier] for tier in tiers]

    def mean(cell: Iterable[Row], key: str = "score") -> float:
        return statistics.fmean(r[key] for r in cell)

    alike = [line for name, line in lines.items() if name != "shipped"]
    best = [max(mean(line[i]) for line in alike) for i in range(len(tiers))]

    def drawn(name: str, line: list[list[Row]]) -> list[str]:
        shown = [
            f"**{of_seeds(cell)}**" if mean(cell) == top and line in alike else of_seeds(cell)
            for cell, top in zip(line, best, strict=True)
        ]
        done = at_work.get(name, at_work["none"])
        named = f"{100 * mean(chain.from_iterable(line), 'class_score'):.1f}"
        size = count(line[0][0]["parameters"])
        return [names[name], *shown, named, size, count(done["macs"]), count(done["acs"])]

    called = (MOVING.get(tier, tier).replace("object ", "") for tier in tiers)
    return markdown(
        [first, *called, "class alone", "parameters", "MACs", "ACs"],
        (drawn(name, line) for name, line in lines.items()),
    )


def shipped() -> list[dict[str, Any]]:
    """What the shipped model did in the suite, as rows of rivals.py."""
    own = [r for r in newest("permanence") if r["memory"] == "leaky"]
    asked = [r for r in own if usual(r) or r["judgement"] == "effort"]
    return [{**r, "memory": "shipped", "moment": r["judgement"]} for r in asked]


def rivals() -> str:
    """Who stands beside ours, trained alike; and ours as it ships, trained for longer."""
    longer = shipped()
    steps = longer[0]["train_steps"]
    names = {**RIVALS, "shipped": f"**leaky**, as shipped: {steps:,} steps"}
    return beside(newest("rivals") + longer, names, "trained alike, 60 hidden")


def ablation() -> str:
    """Ours with one thing changed, trained alike."""
    return beside(newest("rivals"), ABLATION, "one thing changed, 60 hidden")


def recordings() -> str:
    """Belief on N-MNIST and on hand-held objects."""
    lines = []
    for name, called in (("nmnist", "N-MNIST"), ("hidden_objects", "hand-held objects")):
        rows = [r for r in newest(name) if r["judgement"] == "belief"]
        at = {(r["memory"], r["hidden_frames"]): share(r) for r in rows}
        for memory in dict.fromkeys(r["memory"] for r in rows):
            who = RIVALS.get(memory, "best constant guess")
            cells = [at.get((memory, length), "") for length in (0, 30, 300)]
            lines.append([called, who, *cells])
    return markdown(["", "", "seen", "30 hidden", "300 hidden"], lines)


def pendulum() -> str:
    """How far the pendulum is from where it is said to be."""
    rows = [r for r in newest("pendulum") if r["judgement"] == "belief"]
    at = {(r["memory"], r["hidden_frames"]): f"{r['place_error_px']:.1f}" for r in rows}
    return markdown(
        ["pendulum: median place error, pixels", "30 hidden", "60", "300"],
        (
            [RIVALS.get(memory, "best constant guess")]
            + [at[memory, length] for length in (30, 60, 300)]
            for memory in dict.fromkeys(memory for memory, _ in at)
            if memory != "latch"
        ),
    )


def slopes() -> str:
    """What a surrogate's slope is worth to DySViT."""
    lines = []
    for name, what in SLOPES.items():
        own = [r for r in newest("ablation") if r["name"] == name]
        shown = (
            ", ".join(f"{100 * r[key]:.2f}" for r in own) for key in ("accuracy", "validation_best")
        )
        lines.append([what, *shown])
    head = (
        "slope of the surrogate, 10 epochs", "test accuracy, % (seeds 0, 1, 2 where three)",
        "best on validation",
    )  # fmt: skip
    return markdown(head, lines)


def count(number: float) -> str:
    """A number of operations."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{1 if unit == 'M' else 0}f} {unit}"
    return f"{number:.0f}"


def microjoules(joules: float) -> str:
    """Three figures at most."""
    energy = 1e6 * joules
    positions = 0 if energy >= 100 else 1 if energy >= 10 else 2 if energy >= 0.1 else 3
    return f"{energy:,.{positions}f}"


def energy() -> str:
    """What a frame costs."""
    at = {(r["model"], r["phase"], r["table"], r["precision"]): r for r in newest("energy")}

    def line(model: str, name: str) -> list[str]:
        def joules(phase: str, table: str, precision: str) -> str:
            return microjoules(at[model, phase, table, precision]["joules_per_frame"])

        seen = at[model, "active", "horowitz-45nm", "fp32"]
        right = seen["accuracy"]
        return [
            name,
            count(seen["macs"]),
            count(seen["acs"]),
            joules("active", "horowitz-45nm", "fp32"),
            joules("active", "horowitz-45nm", "int8"),
            "-".join(joules("active", f"memory-{reads}", "int8") for reads in ("once", "each")),
            joules("hidden", "horowitz-45nm", "int8"),
            "not trained" if right is None else f"{100 * right:.1f} %",
            "" if right is None else f"{seen['train_steps']:,}",
        ]

    head = (
        "per frame", "multiply-adds, seen", "additions (SOPs), seen", "fp32, seen", "int8, seen",
        "int8 with memory, seen", "int8, hidden", "class right, seen", "steps trained",
    )  # fmt: skip
    return markdown(head, (line(model, name) for model, name in DENSE.items()))


TABLES: dict[str, Callable[[], str]] = {
    "permanence": permanence,
    "otherwise": otherwise,
    "regained": regained,
    "rivals": rivals,
    "ablation": ablation,
    "recordings": recordings,
    "pendulum": pendulum,
    "energy": energy,
    "slopes": slopes,
}


def filled(text: str) -> str:
    """The text with every table drawn anew."""

    def draw(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{TABLES[found[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", draw, text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
