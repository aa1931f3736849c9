"""Who stands beside a model in the score table, and from which weights."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from neurosvt.config import UserError
from neurosvt.experiments.checkpoints import Checkpoint, finished, load_model
from neurosvt.experiments.family import member, sibling
from neurosvt.permanence.baselines.track_fit import TrackFit


@dataclass(frozen=True)
class Rival:
    """A line of the score table."""

    member: str
    """Which of the family's runs holds its weights: "leaky", or as in `presets.FAMILY`."""
    made: Callable[[Checkpoint], nn.Module] = lambda trained: trained.model
    """What is asked, from what was trained."""


RIVALS: dict[str, Rival] = {
    "leaky": Rival("leaky"),
    "charge_2": Rival("charge_2"),
    "lif_1": Rival("lif_1"),
    "lif": Rival("lif"),
    "lif_5": Rival("lif_5"),
    "lif_20": Rival("lif_20"),
    "lif_100": Rival("lif_100"),
    "gru": Rival("gru"),
    "lstm": Rival("lstm"),
    "convlstm": Rival("convlstm"),
    "none": Rival("none"),
    "latch": Rival("none", Checkpoint.latch),
    "last_seen": Rival("none", lambda trained: TrackFit(trained.latch(), degree=0, window=5)),
    "velocity": Rival("none", lambda trained: TrackFit(trained.latch(), degree=1, window=24)),
}
"""By the words of `--memory`, in the order in which they are shown."""

USUAL = ("leaky", "lif", "none", "latch")
"""Those whose weights the package ships."""


def load_family(name: str, memories: Iterable[str]) -> dict[str, Checkpoint]:
    """A run and its siblings with other memories, by member, as far as `memories` need them.

    RUN itself serves for its own memory; the others are looked for beside it.
    """
    own = load_model(name)
    if not own.run.hides:
        raise UserError(f"{name} was trained to name what is seen: nothing hides in its data")
    trained = {}
    for word in dict.fromkeys(RIVALS[memory].member for memory in memories):
        trained[word] = own if member(own.run) == word else load_model(sibling(name, word))
        found = member(trained[word].run)
        if found != word:
            raise UserError(f"{trained[word].name} has memory {found!r}, not {word!r}")
    return trained


def models_of(trained: Mapping[str, Checkpoint], memories: Iterable[str]) -> dict[str, nn.Module]:
    """What is asked, by memory."""
    return {m: RIVALS[m].made(trained[RIVALS[m].member]) for m in memories}


def available(name: str, among: Iterable[str]) -> tuple[str, ...]:
    """The rivals, of those named, whose weights are in RUN's family and trained to their end."""
    return tuple(m for m in among if finished(sibling(name, RIVALS[m].member)))


def usual(name: str) -> tuple[str, ...]:
    """Who is shown beside RUN where nobody is named; and a word on those whose weights are not
    there."""
    there = available(name, USUAL)
    if "leaky" in there:
        tell_missing(there, USUAL)
    return there or ("leaky",)  # whose absence is then told


def tell_missing(there: Iterable[str], among: Iterable[str]) -> None:
    """Say of which rivals there are no weights, if any."""
    missing = [memory for memory in among if memory not in there]
    if missing:
        print(f"no weights for {', '.join(missing)}: left out", file=sys.stderr)


def behind(memory: str, trained: Mapping[str, Checkpoint]) -> Checkpoint | None:
    """What was trained that a line stands on; None for the best constant guess."""
    return trained.get(RIVALS[memory].member) if memory in RIVALS else None


def tau_of(trained: Checkpoint) -> float | None:
    """The one time constant of a LIF memory; the others have many, or none."""
    cfg = trained.run.model
    return cfg.memory.tau if getattr(cfg, "memory", None) and cfg.memory.kind == "lif" else None


def title(memory: str, tau: float | None) -> str:
    """What a line is called: its memory, and the time constant where it has one."""
    return memory if tau is None else f"{memory.partition('_')[0]} tau {tau}"
