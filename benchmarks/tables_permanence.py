"""Tables of what the shipped model remembers: on made-up scenes, and under other conditions."""

from collections.abc import Callable, Iterable
from itertools import chain

from committed import Row, markdown, rows_of, share

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
