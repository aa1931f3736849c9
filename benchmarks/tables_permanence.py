"""Tables of what models remember: on made-up scenes, and beside others."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from committed import Row, count, markdown, rows_of, share, span

from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.presence_table import MOMENTS

HIDDEN = (30, 60, 120, 300, 1000)
WATCHED = {"real": "N-MNIST, darkness"}
"""What the tier of recordings is called."""
TIERS = {"curtain_moving": "curtain, object moves on"}
"""What a tier is called where its name does not do."""
ORDER = (
    "blackout", "curtain", "gripper", "curtain_moving", "tunnel", "distractor", "succession",
    "carried", "contained", "empty", "leaves", "stranger",
)  # fmt: skip
"""In which tiers are shown, whatever the order in which a run was trained on them."""
SHORT_TIERS = ("blackout", "curtain", "tunnel", "distractor", "succession")
BASELINES = {
    "leaky": "**leaky**, ours",
    "latch": "latch",
    "last_seen": "last position seen",
    "velocity": "line through the visible track",
    "charge_2": "charge, tau 2",
    "lif_1": "LIF, tau 1.1",
    "lif": "LIF, tau 2",
    "lif_5": "LIF, tau 5",
    "lif_20": "LIF, tau 20",
    "lif_100": "LIF, tau 100",
    "gru": "GRU",
    "lstm": "LSTM",
    "convlstm": "ConvLSTM",
    "none": "no memory",
}
"""What stands beside ours, in the order in which it is shown."""
SHORT_BASELINES = ("leaky", "gru", "latch", "lif", "none")
ABLATION = {
    "leaky": "**as it is**",
    "fixed_tau": "time constants not learnt",
    "no_gate": "no gate empties a channel",
    "divided_drive": "drive divided by the time constant",
    "reset": "emptied where its charge reaches 1",
    "spikes_out": "heads read spikes, not charge",
    "read_by_attention": "read by attention (SDSA), not by position",
    "seen_steps_only": "hidden steps not in the loss",
    "no_write_gates": "every frame is written",
    "no_look_back": "write gates see the frame alone",
    "strength_untold": "heads not told the memory's strength",
    "shallow_head": "heads of one layer",
    "lone_events": "lone events not dropped",
}
"""Ours with one thing changed, and what that is."""
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


def is_standard(row: Row) -> bool:
    """Whether it is a belief on made-up scenes, judged under the conditions of the main table."""
    keys = ("judgement", "dataset", "state_noise", "state_bits", "frame_ms")
    return [row.get(key) for key in keys] == ["belief", "scenes", 0.01, 32, 10.0]


def permanence(*names: str) -> str:
    """Belief of a shipped model, in one file or several."""
    return by_length("right beliefs, %", share, names or ("permanence",))


def calibration(*names: str) -> str:
    """How far a shipped model's confidence is from the share that is right."""
    title = "expected calibration error"
    return by_length(title, lambda r: f"{r['calibration_error']:.3f}", names)


def by_length(title: str, show: Callable[[Row], str], names: Iterable[str]) -> str:
    """A figure of the standard rows of files, by tier and number of hidden frames."""
    found = chain.from_iterable(map(rows_of, names))
    rows = [r for r in found if is_standard(r) and r["memory"] == "leaky"]
    cells: dict[tuple[str, int], str] = {}
    for r in rows:  # what was seen is told by the first file
        cells.setdefault((r["tier"], r["hidden_frames"]), show(r))
    seen, first, *longer = sorted({length for _, length in cells})
    return markdown(
        [title, "seen", f"{first} hidden", *map(str, longer)],
        (
            [TIERS.get(tier, tier), *(cells.get((tier, n), "") for n in (seen, first, *longer))]
            for tier in ordered(tier for tier, _ in cells)
        ),
    )


def ordered(tiers: Iterable[str]) -> list[str]:
    """Each tier once, as they are shown."""
    return sorted(set(tiers), key=ORDER.index)


def presence(name: str = "permanence_tracks") -> str:
    """How often a shipped model says rightly whether there is anything."""
    rows = [r for r in rows_of(name) if r["judgement"] == "presence" and r["memory"] == "leaky"]
    said = {
        (r["tier"], MOMENTS[r["moment"]], r["hidden_frames"]): share(r, "presence_score")
        for r in rows
        if judges_presence(r["tier"]) or r["moment"] == "last"
    }
    lengths = sorted({length for *_, length in said})
    return markdown(
        ["presence said rightly, %", "when", f"{lengths[0]} hidden", *map(str, lengths[1:])],
        (
            [TIERS.get(tier, tier), when, *(said.get((tier, when, n), "") for n in lengths)]
            for tier in ordered(tier for tier, *_ in said)
            for when in dict.fromkeys(when for at, when, _ in said if at == tier)
        ),
    )


def otherwise(*names: str) -> str:
    """The same model under other conditions, those of them that its files hold."""
    keys = ("memory", "state_noise", "state_bits", "frame_ms", "hidden_frames", "tier")
    found = chain.from_iterable(map(rows_of, names or ("permanence",)))
    rows = [r for r in found if r["judgement"] == "belief"]
    cells = {tuple(r[key] for key in keys): share(r) for r in rows if r["dataset"] == "scenes"}
    tiers = ordered(key[-1] for key in cells)
    return markdown(
        ["600 ms hidden, right beliefs in %", *(TIERS.get(tier, tier) for tier in tiers)],
        (
            [name, *(cells.get((*asked, tier), "") for tier in tiers)]
            for name, asked in OTHERWISE.items()
            if any((*asked, tier) in cells for tier in tiers)
        ),
    )


def weights() -> str:
    """Belief of the shipped models with the weights that an engine holds, beside their own."""
    cells = {
        (line, r["memory"].removeprefix("leaky, ")): share(r)
        for name in ("weights", "weights_nmnist")
        for r in rows_of(name)
        if r["judgement"] == "belief" and r["hidden_frames"]
        and (line := WATCHED.get(r["tier"], TIERS.get(r["tier"], r["tier"])))
    }  # fmt: skip
    held = ("leaky", "int16", "int8")
    return markdown(
        ["right beliefs, %", "float32", *held[1:]],
        (
            [line, *(cells[line, one] for one in held)]
            for line in dict.fromkeys(line for line, _ in cells)
        ),
    )


def fixed_point() -> str:
    """Belief of the shipped model in whole numbers of few bits, beside its own."""
    cells = {
        (TIERS.get(r["tier"], r["tier"]), r["memory"].removeprefix("leaky, fixed")): share(r)
        for r in rows_of("fixed_point")
        if r["judgement"] == "belief" and r["hidden_frames"]
    }
    widths = ("16", "8", "6", "4")
    return markdown(
        ["60 hidden, right beliefs in %", "float32", *(f"{width} bits" for width in widths)],
        (
            [tier, *(cells[tier, width] for width in ("leaky", *widths))]
            for tier in dict.fromkeys(tier for tier, _ in cells)
            if (tier, "leaky") in cells
        ),
    )


def reacquisition() -> str:
    """What has to be seen again until the class is right for good."""
    head = (
        "after 60 hidden frames", "model", "right at once", "frames until right",
        "events until right",
    )  # fmt: skip
    return markdown(
        head,
        (
            [
                r["tier"], BASELINES[r["memory"]], f"{100 * r['right_at_once']:.0f} %",
                f"{r['frames_mean']:.1f}", f"{r['events_mean']:,.0f}",
            ]
            for r in rows_of("permanence")
            if r["judgement"] == "reacquisition" and r["memory"] in ("leaky", "none", "lif")
        ),
    )  # fmt: skip


def of_seeds(rows: Sequence[Row]) -> str:
    """One seed with its interval; several as their mean, from the lowest to the highest."""
    if len(rows) == 1:
        return share(rows[0])
    scores = [r["score"] for r in rows]
    return f"{100 * mean_of(rows):.1f} [{span(min(scores), max(scores))}]"


def mean_of(rows: Iterable[Row], figure: str = "score") -> float:
    """The mean of a figure, over seeds and tiers."""
    return statistics.fmean(r[figure] for r in rows)


def beside(
    found: list[dict[str, Any]],
    names: Mapping[str, str],
    title: str,
    tiers: Sequence[str] | None = None,
) -> str:
    """A line a model after 60 hidden frames, by tier, the best at equal training in bold; the
    class alone over all tiers, parameters, and operations of a frame in view. With `tiers` only
    these, and the multiply-adds."""
    rows = [r for r in found if (r["judgement"], r.get("hidden_frames")) == ("belief", 60)]
    costs = {r["memory"]: r for r in found if r.get("phase") == "active"}
    shown = list(tiers or dict.fromkeys(r["tier"] for r in rows))
    lines: dict[str, list[list[Row]]] = {}
    for name in names:
        own = [r for r in rows if r["memory"] == name]
        if own:
            lines[name] = [[r for r in own if r["tier"] == tier] for tier in shown]
    alike = [line for name, line in lines.items() if name != "shipped"]
    best = [max(mean_of(line[i]) for line in alike) for i in range(len(shown))]

    def drawn(name: str, line: list[list[Row]]) -> list[str]:
        cells = [
            f"**{of_seeds(cell)}**" if mean_of(cell) == top and line in alike else of_seeds(cell)
            for cell, top in zip(line, best, strict=True)
        ]
        cost = costs.get(name, costs["none"])  # what stands on the network without memory
        if tiers:
            return [names[name], *cells, count(cost["macs"])]
        right = f"{100 * mean_of(chain.from_iterable(line), 'class_score'):.1f}"
        size = count(line[0][0]["parameters"])
        return [names[name], *cells, right, size, count(cost["macs"]), count(cost["acs"])]

    called = [TIERS.get(tier, tier).replace("object ", "") for tier in shown]
    further = ["MACs a frame"] if tiers else ["class alone", "parameters", "MACs", "ACs"]
    return markdown([title, *called, *further], (drawn(*line) for line in lines.items()))


def with_shipped() -> tuple[list[dict[str, Any]], str]:
    """The rows of baselines.py and those of the shipped model; and what this is called."""
    own = [r for r in rows_of("permanence") if r["memory"] == "leaky"]
    longer = [{**r, "memory": "shipped"} for r in own if is_standard(r) or r["judgement"] == "cost"]
    name = f"**leaky**, {longer[0]['train_steps']:,} steps"
    return rows_of("baselines") + longer, name


def baselines() -> str:
    """Who stands beside ours, trained alike; and ours as it ships, trained for longer."""
    rows, shipped = with_shipped()
    return beside(rows, {**BASELINES, "shipped": shipped}, "60 hidden, right beliefs in %")


def permanence_short() -> str:
    """The same in seven columns, for the README."""
    rows, shipped = with_shipped()
    names = {name: BASELINES[name] for name in SHORT_BASELINES}
    return beside(rows, {**names, "shipped": shipped}, "60 frames hidden, %", SHORT_TIERS)


def ablation() -> str:
    """Ours with one thing changed, trained alike."""
    return beside(rows_of("baselines"), ABLATION, "one thing changed, 60 hidden, %")
