"""One run in several variants, each trained in a folder of its own."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from neurosvt.config import ConfigError, override
from neurosvt.experiments.runs import Run, build_run
from neurosvt.experiments.trainer import train
from neurosvt.results.places import check_folder
from neurosvt.spread import Spread, one_by_one


def sweep(
    settings: Mapping[str, Any],
    over: Sequence[str],
    folder: str | Path,
    spread: Spread = one_by_one,
    **how: Any,
) -> Iterator[dict[str, Any]]:
    """Train a run with every combination of some settings; called again, it goes on.

    >>> from neurosvt.experiments.registry import run_settings
    >>> over = ["train.seed=0,1,2", "train.optimizer=muon,adamw"]
    >>> rows = sweep(run_settings("permanence_base"), over, "runs/sweep")

    Args:
        settings: of the run, as `run_settings` gives them.
        over: each a setting and its values, as in train.seed=0,1,2; values are as `override` takes
            them, and commas within brackets are part of one.
        folder: each variant has one in it, named by what is set.
        spread: who trains; see `spread_over`.
        how: `backend`, `device` and `logs`, as `train` takes them.

    Yields:
        A row a variant, as they end: what is set, then the step, score and minutes of its best
        weights.

    Raises:
        ConfigError: a setting that does not exist or does not fit, before anything is trained.
        UserError, FileNotFoundError: as `train`; the other variants keep what they have.
    """
    place = check_folder(folder)
    variants = {
        changes: build_run(override(settings, changes))
        for changes in product(*map(_assignments, over))
    }
    names = {changes: re.sub(r"[^\w.=,+-]", "_", ",".join(changes)) for changes in variants}
    parts = [(run, place / names[changes]) for changes, run in variants.items()]
    told = list(variants)
    for index, found in spread(partial(_trained, how), parts):
        yield {**dict(text.split("=", 1) for text in told[index]), **found}


def _assignments(text: str) -> list[str]:
    """train.seed=0,1 as train.seed=0 and train.seed=1."""
    key, equals, values = text.partition("=")
    if not equals or not values.strip():
        raise ConfigError(f"expected key=value,value, as in train.seed=0,1; got {text!r}")
    return [f"{key.strip()}={value}" for value in _values(values)]


def _values(text: str) -> Iterable[str]:
    """What lies between commas, but for those in brackets."""
    depth, value = 0, ""
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not depth:
            yield value.strip()
            value = ""
        else:
            value += letter
    yield value.strip()


def _trained(how: Mapping[str, Any], part: tuple[Run, Path]) -> dict[str, Any]:
    """One variant to its end, from where it stopped if it did."""
    run, folder = part
    best = train(run, folder, resume="auto", **how).metadata
    minutes = round(best["seconds"] / 60, 1)
    return {"step": best["step"], "score": round(best["score"], 4), "minutes": minutes}
