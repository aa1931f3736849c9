"""Tables of what stands beside our memory at equal training, and of what each part is worth."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from committed import Row, count, markdown, rows_of, share, span
from tables_permanence import BASELINES, TIERS, is_standard

SHORT_TIERS = ("blackout", "curtain", "tunnel", "distractor", "succession")
SHIPPED = "**tracks**, as it ships"
"""What the shipped model is called beside them."""
TRACKED = {
    **BASELINES, "leaky": "**two leaks and tracks**, ours", "gru": "GRU",
    "gru_quiet": "GRU, no noise on its state", "gru_noise": "GRU, taught with noise on its state",
    "gru_muon": "GRU, taught as ours", "gru_on_spikes": "GRU on our spikes",
    "memory_on_dense": "our memory on the GRU's dense front end",
}  # fmt: skip
"""What stands beside ours with tracks."""
SHORT_BASELINES = {
    "leaky": "**tracks**, ours", "gru": "GRU", "gru_on_spikes": "GRU on spikes",
    "latch": "latch", "none": "no memory", "shipped": SHIPPED,
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
"""Ours with one leak and without tracks, one thing changed, and what that is."""
ABLATION_TRACKED = {
    "leaky": "**as it is**",
    "one_leak": "one leak a channel: writes make nothing fade",
    "short_taus": "time constants short at the start",
    "no_tracks": "no tracks",
    "no_look_back": "write gates see the frame alone",
    "strength_of_all": "heads told one strength, not one a group",
    "choice_untaught": "choice among tracks not taught",
    "motion_untold": "not taught whether what moves is chosen",
    "full_position": "gradients of position at full weight",
    "adamw": "AdamW in place of Muon",
    "lone_events": "lone events not dropped",
}
"""Ours with two leaks and tracks, one thing changed, and what that is."""


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


def shipped() -> list[dict[str, Any]]:
    """The rows of the model that ships, called that."""
    own = [r for r in rows_of("permanence") if r["memory"] == "leaky"]
    return [{**r, "memory": "shipped"} for r in own if is_standard(r) or r["judgement"] == "cost"]


def trained_alike() -> list[dict[str, Any]]:
    """The rows of models with tracks and of their rivals. Those judged without noise on the state
    are of a memory of their own, NAME_quiet, at the cost of the other."""
    found = rows_of("baselines_tracks")
    quiet = [r for r in found if r.get("state_noise") == 0 or r.get("phase") == "active"]
    noisy = [r for r in found if r.get("state_noise") != 0]
    return noisy + [{**r, "memory": f"{r['memory']}_quiet"} for r in quiet]


def baselines() -> str:
    """Who stands beside ours, trained alike; and ours as it ships, trained for longer."""
    names = {**BASELINES, "shipped": SHIPPED}
    return beside(rows_of("baselines") + shipped(), names, "60 hidden, right beliefs in %")


def tracked() -> str:
    """Ours with two leaks and tracks, and who stands beside it, trained alike."""
    return beside(trained_alike(), TRACKED, "60 hidden, right beliefs in %")


def permanence_short() -> str:
    """The same in seven columns, for the README, and ours as it ships."""
    found = trained_alike() + shipped()
    return beside(found, SHORT_BASELINES, "60 frames hidden, %", SHORT_TIERS)


def ablation() -> str:
    """Ours with one thing changed, trained alike."""
    return beside(rows_of("baselines"), ABLATION, "one thing changed, 60 hidden, %")


def ablation_tracked() -> str:
    """The same of ours with two leaks and tracks."""
    return beside(trained_alike(), ABLATION_TRACKED, "one thing changed, 60 hidden, %")
