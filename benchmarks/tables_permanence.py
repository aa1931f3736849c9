"""Tables of what models remember: on made-up scenes, and beside others."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from committed import Row, count, markdown, rows_of, share, span

from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.presence_table import MOMENTS

HIDDEN = (30, 60, 120, 300, 1000)
TIERS = {
    "curtain_moving": "curtain, object moves on",
    "screen": "tunnel, seen to come",
    "real": "N-MNIST, darkness",
}
"""What a tier is called where its name does not do."""
ORDER = (
    "blackout", "curtain", "gripper", "curtain_moving", "tunnel", "screen", "distractor",
    "succession", "carried", "contained", "empty", "leaves", "stranger", "real",
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
SHIPPED = "**tracks**, as it ships"
"""What the shipped model is called beside them."""
TRACKED = {
    **BASELINES, "leaky": "**two leaks and tracks**, ours", "gru": "GRU",
    "gru_quiet": "GRU, no noise on its state",
}  # fmt: skip
"""What stands beside ours with tracks."""
SHORT_BASELINES = {
    "leaky": "**tracks**, ours", "gru": "GRU", "latch": "latch", "none": "no memory",
    "shipped": SHIPPED,
}  # fmt: skip
"""What the front page shows of these."""
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


def is_standard(row: Row, judgement: str = "belief") -> bool:
    """Whether it is a belief on made-up scenes, judged under the conditions of the main table; or
    another judgement."""
    keys = ("judgement", "dataset", "state_noise", "state_bits", "frame_ms")
    return [row.get(key) for key in keys] == [judgement, "scenes", 0.01, 32, 10.0]


def permanence() -> str:
    """Belief of the shipped model."""
    return by_length("right beliefs, %", share)


def calibration() -> str:
    """How far the shipped model's confidence is from the share that is right."""
    return by_length("expected calibration error", lambda r: f"{r['calibration_error']:.3f}")


def by_length(title: str, show: Callable[[Row], str]) -> str:
    """A figure of the shipped model's standard rows, by tier and number of hidden frames."""
    found = chain.from_iterable(map(rows_of, ("permanence", "permanence_3000")))
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


def presence() -> str:
    """How often the shipped model says rightly whether there is anything."""
    rows = [
        r for r in rows_of("permanence") if is_standard(r, "presence") and r["memory"] == "leaky"
    ]
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


def otherwise() -> str:
    """The same model under other conditions."""
    keys = ("memory", "state_noise", "state_bits", "frame_ms", "hidden_frames", "tier")
    rows = [r for r in rows_of("permanence") if r["judgement"] == "belief"]
    cells = {tuple(r[key] for key in keys): share(r) for r in rows if r["dataset"] == "scenes"}
    tiers = ordered(key[-1] for key in cells)
    return markdown(
        ["600 ms hidden, right beliefs in %", *(TIERS.get(tier, tier) for tier in tiers)],
        (
            [name, *(cells.get((*asked, tier), "") for tier in tiers)]
            for name, asked in OTHERWISE.items()
        ),
    )


def weights() -> str:
    """Belief of the shipped models with the weights that an engine holds, beside their own."""
    cells = {
        (r["tier"], r["memory"].removeprefix("leaky, ")): share(r)
        for name in ("weights", "weights_nmnist")
        for r in rows_of(name)
        if r["judgement"] == "belief" and r["hidden_frames"]
    }
    held = ("leaky", "int16", "int8")
    return markdown(
        ["right beliefs, %", "float32", *held[1:]],
        (
            [TIERS.get(tier, tier), *(cells[tier, one] for one in held)]
            for tier in ordered(tier for tier, _ in cells)
        ),
    )


def fixed_point() -> str:
    """Belief of the shipped model in whole numbers of few bits, beside its own."""
    cells = {
        (r["tier"], r["memory"].removeprefix("leaky, fixed")): share(r)
        for r in rows_of("fixed_point")
        if r["judgement"] == "belief" and r["hidden_frames"]
    }
    widths = ("16", "8", "6", "4")
    return markdown(
        ["60 hidden, right beliefs in %", "float32", *(f"{width} bits" for width in widths)],
        (
            [TIERS.get(tier, tier), *(cells[tier, width] for width in ("leaky", *widths))]
            for tier in ordered(tier for tier, width in cells if width == "leaky")
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
    alike = [r for r in rows if r["memory"] != "shipped"]  # which is judged on more tiers
    shown = list(tiers or dict.fromkeys(r["tier"] for r in alike))
    lines: dict[str, list[list[Row]]] = {}
    for name in names:
        own = [r for r in rows if r["memory"] == name]
        if own:
            lines[name] = [[r for r in own if r["tier"] == tier] for tier in shown]
    rivals = [line for name, line in lines.items() if name != "shipped"]
    best = [max(mean_of(line[i]) for line in rivals) for i in range(len(shown))]

    def drawn(name: str, line: list[list[Row]]) -> list[str]:
        cells = [
            f"**{of_seeds(cell)}**" if mean_of(cell) == top and line in rivals else of_seeds(cell)
            for cell, top in zip(line, best, strict=True)
        ]
        cost = costs.get(name) or costs["none"]  # what stands on the network without memory
        if tiers:
            return [names[name], *cells, count(cost["macs"])]
        right = f"{100 * mean_of(chain.from_iterable(line), 'class_score'):.1f}"
        size = count(line[0][0]["parameters"])
        return [names[name], *cells, right, size, count(cost["macs"]), count(cost["acs"])]

    called = [TIERS.get(tier, tier).replace("object ", "") for tier in shown]
    further = ["MACs a frame"] if tiers else ["class alone", "parameters", "MACs", "ACs"]
    return markdown([title, *called, *further], (drawn(*line) for line in lines.items()))


def with_shipped(equal: str) -> list[dict[str, Any]]:
    """Rows of models trained alike, by the name of their file, and those of the shipped model."""
    own = [r for r in rows_of("permanence") if r["memory"] == "leaky"]
    longer = [{**r, "memory": "shipped"} for r in own if is_standard(r) or r["judgement"] == "cost"]
    return rows_of(equal) + longer


def baselines() -> str:
    """Who stands beside ours, trained alike; and ours as it ships, trained for longer."""
    names = {**BASELINES, "shipped": SHIPPED}
    return beside(with_shipped("baselines"), names, "60 hidden, right beliefs in %")


def tracked() -> str:
    """Ours with two leaks and tracks, and who stands beside it, trained alike."""
    found = rows_of("baselines_tracks")
    quiet = [r for r in found if r.get("state_noise") == 0 or r.get("phase") == "active"]
    noisy = [r for r in found if r.get("state_noise") != 0]
    renamed = [{**r, "memory": f"{r['memory']}_quiet"} for r in quiet]
    return beside(noisy + renamed, TRACKED, "60 hidden, right beliefs in %")


def permanence_short() -> str:
    """The same in seven columns, for the README, and ours as it ships."""
    found = [r for r in with_shipped("baselines_tracks") if r.get("state_noise") != 0]
    return beside(found, SHORT_BASELINES, "60 frames hidden, %", SHORT_TIERS)


def ablation() -> str:
    """Ours with one thing changed, trained alike."""
    return beside(rows_of("baselines"), ABLATION, "one thing changed, 60 hidden, %")
