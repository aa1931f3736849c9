"""Who stands beside a model where memory is judged, from which weights, and what each is.

`neurosvt.permanence` judges models and knows no names. Here names become models.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from neurosvt.config import Registry, UserError
from neurosvt.engine.runner import InEngine
from neurosvt.experiments.checkpoints import Checkpoint, finished, load
from neurosvt.experiments.family import member, sibling
from neurosvt.experiments.models import RECURRENT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.results.entrant import Entrant


@dataclass(frozen=True)
class Baseline:
    """A row of the score table."""

    label: str
    """What tables and pages call it."""
    run: str
    """Which run of the family holds its weights: "leaky" for RUN, else what follows RUN_."""
    wrap: Callable[[Checkpoint], nn.Module] = lambda trained: trained.model
    """What is judged, from what was trained."""
    about: str = ""
    """What it is, in a line for those who have never heard of it."""
    takes_bits: bool = False
    """Whether its state can be kept in whole numbers of few bits."""


def _lif(tau: float, run: str) -> Baseline:
    about = f"the original proposal's memory token: LIF neurons of tau {tau:g}, their spikes read"
    return Baseline(f"LIF, tau {tau:g}", run, about=about)


BASELINES: Registry[Baseline] = Registry(
    "baseline",
    {
        "leaky": Baseline(
            "leaky memory", "leaky", takes_bits=True,
            about="our network: charge that leaks with learnt time constants",
        ),
        "charge_2": Baseline(
            "charge, tau 2", "charge_2", takes_bits=True,
            about="our network with one short time constant, of 2 steps, for all charge",
        ),
        "lif_1": _lif(1.1, "lif_1"),
        "lif": _lif(2.0, "lif"),
        "lif_5": _lif(5.0, "lif_5"),
        "lif_20": _lif(20.0, "lif_20"),
        "lif_100": _lif(100.0, "lif_100"),
        "gru": Baseline("GRU", "gru", about="a dense recurrent network of like size: a GRU"),
        "lstm": Baseline("LSTM", "lstm", about="a dense recurrent network of like size: an LSTM"),
        "convlstm": Baseline(
            "ConvLSTM", "convlstm",
            about="a dense recurrent network of like size: a convolutional LSTM",
        ),
        "none": Baseline("no memory", "none", about="the network without memory"),
        "latch": Baseline(
            "latch", "none", Checkpoint.latch,
            about="the network without memory, holding its last answer while it judges the object "
            "unseen",
        ),
        "last_seen": Baseline(
            "last position seen", "none",
            lambda trained: TrackFit(trained.latch(), degree=0, window=5),
            about="the latch, its position that of the last events in view",
        ),
        "velocity": Baseline(
            "line through the visible track", "none",
            lambda trained: TrackFit(trained.latch(), degree=1, window=24),
            about="the latch, its position on a line through the visible track",
        ),
    },
)  # fmt: skip
"""By the words of `--memory`, in the order in which they are shown. Add your own at run time."""

CONSTANT_ABOUT = "the one class and position that would have been right most often, in hindsight"
"""What the row of the best constant guess is."""

DEFAULT_BASELINES = ("leaky", "lif", "none", "latch")
"""Those whose weights the package ships."""


@dataclass(frozen=True)
class Lineup:
    """Models that stand beside one another."""

    name: str
    """RUN, whose family they are."""
    entrants: tuple[Entrant, ...]
    """In the order of the table."""
    run: Any
    """What the first of them was trained on, and how."""


def line_up(name: str, baselines: Iterable[str]) -> Lineup:
    """A run and its siblings with other memories, as entrants.

    RUN itself serves for its own memory; the others are looked for beside it.

    Args:
        name: a run folder, a checkpoint, or a shipped model.
        baselines: keys of `BASELINES`.

    Raises:
        UserError: an unknown baseline, a run in whose data nothing hides, or a sibling whose memory
            is not what its name says.
        FileNotFoundError: weights are not there.
    """
    chosen = {word: BASELINES[word] for word in baselines}
    if not chosen:
        raise UserError(f"no baseline is named; choose from {', '.join(BASELINES)}")
    own = load(name)
    if not own.run.hides:
        raise UserError(f"{name} was trained to name what is seen: nothing hides in its data")
    trained: dict[str, Checkpoint] = {}
    for word in dict.fromkeys(baseline.run for baseline in chosen.values()):
        trained[word] = own if member(own.run) == word else load(sibling(name, word))
        found = member(trained[word].run)
        if found != word:
            raise UserError(f"{trained[word].name} has memory {found!r}, not {word!r}")
    entrants = (_entrant(word, one, trained[one.run]) for word, one in chosen.items())
    return Lineup(name, tuple(entrants), next(iter(trained.values())).run)


def _entrant(name: str, baseline: Baseline, trained: Checkpoint) -> Entrant:
    return Entrant(
        name,
        baseline.wrap(trained),
        kind="recurrent" if trained.run.model.kind in RECURRENT else trained.run.model.kind,
        tau=tau_of(trained),
        parameters=trained.model.parameter_count(),
        train_steps=trained.steps,
    )


def in_engine(entrants: Sequence[Entrant], weights: Iterable[str]) -> tuple[Entrant, ...]:
    """Every NeuroSVT among entrants once more for each kind of weights that the engine is to hold.

    Raises:
        UserError: a kind of weights that there is none of, or that this machine has no engine for.
    """
    return tuple(
        replace(
            one, name=f"{one.name}, {kind}", model=InEngine(one.model, kind),
            parameters=one.parameter_count(),
        )
        for kind in weights
        for one in entrants
        if isinstance(one.model, NeuroSVT)
    )  # fmt: skip


def tau_of(trained: Checkpoint) -> float | None:
    """The one time constant of a LIF memory; the others have many, or none."""
    memory = getattr(trained.run.model, "memory", None)
    return memory.tau if memory is not None and memory.kind == "lif" else None


def available_baselines(name: str, among: Iterable[str]) -> tuple[str, ...]:
    """Those of the baselines named whose weights are in RUN's family and trained to their end."""
    return tuple(word for word in among if finished(sibling(name, BASELINES[word].run)))


def default_baselines(name: str, say: Callable[[str], None] = lambda line: None) -> tuple[str, ...]:
    """Who is shown beside RUN where nobody is named.

    Args:
        name: RUN.
        say: told in a line whose weights are not there.
    """
    there = available_baselines(name, DEFAULT_BASELINES)
    if "leaky" in there:
        say_missing(there, DEFAULT_BASELINES, say)
    return there or ("leaky",)  # whose absence is then told


def say_missing(there: Iterable[str], among: Iterable[str], say: Callable[[str], None]) -> None:
    """Tell in a line of which baselines there are no weights, if any."""
    missing = [word for word in among if word not in there]
    if missing:
        say(f"no weights for {', '.join(missing)}: left out")


def check_bits(entrants: Sequence[Entrant], state_bits: int) -> None:
    """Refuse few bits for baselines that have no state of whole numbers.

    Raises:
        UserError: it says which may stay.
    """
    if state_bits < 32 and not all(BASELINES[one.name].takes_bits for one in entrants):
        fit = ", ".join(word for word, one in BASELINES.items() if one.takes_bits)
        raise UserError(f"state_bits {state_bits} is for {fit} alone: name one of these")
