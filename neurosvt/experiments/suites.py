"""What the suites of PermanenceBench judge: which weights, on what."""

from collections.abc import Callable, Iterator

from neurosvt.config import UserError
from neurosvt.datasets import nmnist
from neurosvt.experiments.checkpoints import model_file
from neurosvt.experiments.zoo import BASELINES, available_baselines, line_up, say_missing
from neurosvt.permanence.questions import SuitePart
from neurosvt.permanence.suite import Suite, suite_parts


def suite_of(
    suite: Suite,
    name: str | None = None,
    *,
    tiers: tuple[str, ...] | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> list[SuitePart]:
    """What a suite judges: RUN's family; where nobody named RUN, the shipped ones on N-MNIST too.

    Args:
        suite: how much is asked.
        name: RUN; None for the shipped `permanence`.
        tiers: of RUN's task; None for those that it learnt from.
        seed: of the scenes.
        say: told in a line what is left out.

    Raises:
        UserError: RUN is not trained to its end, or does not fit.
        FileNotFoundError: there is no such RUN.
    """
    run = name or "permanence"
    there = available_baselines(run, BASELINES)
    if not there:
        raise UserError(f"{model_file(run)} is not trained to its end")
    say_missing(there, BASELINES, say)
    lineup = line_up(run, there)
    parts = suite_parts(suite, lineup.entrants, lineup.run.task("test", seed), tiers)
    return parts if name else [*parts, *_recordings(suite, seed, say)]


def _recordings(suite: Suite, seed: int, say: Callable[[str], None]) -> Iterator[SuitePart]:
    """The shipped N-MNIST family on recordings, where there are any."""
    try:
        nmnist.load_nmnist("test")
    except FileNotFoundError as error:
        say(f"N-MNIST left out: {error}")
        return
    lineup = line_up("nmnist", available_baselines("nmnist", BASELINES))
    yield suite_parts(suite, lineup.entrants, lineup.run.task("test", seed))[0]
