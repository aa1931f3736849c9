"""neurosvt permanence: does it still know what it cannot see? PermanenceBench on a model."""

import argparse
import shlex
from typing import TYPE_CHECKING

from neurosvt.cli import options
from neurosvt.config import UserError

if TYPE_CHECKING:
    from neurosvt.experiments.zoo import Lineup
    from neurosvt.permanence.plan import PermanencePlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?",
        help="run folder, checkpoint or shipped model (default: permanence, which is shipped)",
    )  # fmt: skip
    parser.add_argument(
        "--tiers", help="comma-separated (neurosvt list tiers); default: those that RUN learnt from"
    )
    parser.add_argument(
        "--data", metavar="FOLDER",
        help="judge on these recordings (neurosvt data prepare), not on what RUN learnt from",
    )  # fmt: skip
    parser.add_argument("--hidden", default="30,60,120,300,1000", help="numbers of hidden frames")
    parser.add_argument("--seen", type=int, metavar="N", help="frames in view before (default: 24)")
    parser.add_argument(
        "--memory",
        help="rows beside each other, comma-separated (neurosvt list memories); runs NAME_lif, "
        "NAME_none, ... hold the weights; default: leaky, lif, none and latch, if they are there",
    )  # fmt: skip
    parser.add_argument(
        "--weights",
        help="int16, int8, or all in whole numbers: fixed16, fixed8, fixed6, fixed4; every "
        "NeuroSVT once more, as the engine holds it",
    )  # fmt: skip
    parser.add_argument("--events", type=int, default=1000, help="occlusion events per cell")
    parser.add_argument(
        "--state-noise", type=float, default=0.0, metavar="THRESHOLDS",
        help="on every model's state at every step",
    )  # fmt: skip
    parser.add_argument(
        "--state-bits", type=int, default=32, metavar="BITS",
        help="16 or 8: a leaky memory that keeps whole numbers; 32: floats",
    )  # fmt: skip
    parser.add_argument(
        "--blind", action="store_true",
        help="show what hides the object and not the object: what does a wall tell?",
    )  # fmt: skip
    parser.add_argument(
        "--frame-ms", type=float, metavar="MS",
        help="judge at another frame length than was trained at: --hidden counts these frames",
    )  # fmt: skip
    parser.add_argument(
        "--suite",
        help="quick or full: all tiers, all baselines whose weights are there, figures; goes on "
        "where it stopped",
    )  # fmt: skip
    parser.add_argument(
        "--out", default="runs/permanencebench", metavar="DIR", help="where a suite goes"
    )
    options.add_seed(parser)
    options.add_device(parser)
    options.add_ray(parser)
    options.add_quiet(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Judge, print the table, and write the rows."""
    from rich.console import Console

    from neurosvt.experiments.zoo import check_bits, default_baselines, in_engine, line_up
    from neurosvt.permanence.plan import PermanencePlan
    from neurosvt.permanence.score_table import evaluate_permanence, tables_of
    from neurosvt.results.progress import progress_bar
    from neurosvt.results.rows import write_results

    options.check_outputs(args.json)
    if args.suite is not None:
        return _run_suite(args)
    if args.ray:
        raise UserError("--ray spreads the cells of a suite: add --suite quick or --suite full")
    name = args.run or "permanence"
    named = _words(args.memory)
    lineup = line_up(name, default_baselines(name, options.warn) if named is None else named)
    hidden = tuple(options.whole_numbers(args.hidden, "--hidden"))
    task = lineup.run.task_on(args.data) if args.data else lineup.run.task("test")
    plan = PermanencePlan(
        task, _words(args.tiers), hidden,
        args.events, args.state_noise, args.state_bits, args.frame_ms, args.blind, args.seed,
        args.seen,
    )  # fmt: skip
    check_bits(lineup.entrants, plan.state_bits)
    weights = _words(args.weights) or ()
    entrants = (*lineup.entrants, *in_engine(lineup.entrants, weights))
    with progress_bar("frames", quiet=args.quiet) as advance:
        rows = evaluate_permanence(entrants, plan, on_batch=advance)
    Console(width=110).print(*tables_of(rows))
    if args.json:
        write_results(args.json, _command(lineup, plan, weights, args.data), rows)
    return 0


def _run_suite(args: argparse.Namespace) -> int:
    from rich.console import Console

    from neurosvt.experiments.suites import suite_of
    from neurosvt.permanence import suite  # which draws: loaded for those who want figures
    from neurosvt.permanence.cost import cost_table
    from neurosvt.permanence.score_table import tables_of
    from neurosvt.results.places import check_folder
    from neurosvt.results.progress import progress_bar
    from neurosvt.results.rows import write_results
    from neurosvt.spread import spread_over

    if args.ray and args.device != "cpu":
        raise UserError("workers of --ray judge on their cores: leave out --device")
    asked = suite.SUITES[args.suite]
    _refuse_table_options(args)
    out = check_folder(args.out)
    parts = suite_of(asked, args.run, tiers=_words(args.tiers), seed=args.seed, say=options.warn)
    with progress_bar("cells", quiet=args.quiet) as advance, spread_over(args.ray) as spread:
        result = suite.run_suite(parts, out / "cells", advance, spread)
    words = ["neurosvt", "permanence", *([args.run] if args.run else []), "--suite", args.suite]
    words += ["--tiers", args.tiers] if args.tiers else []
    command = shlex.join([*words, "--seed", str(args.seed)])
    for path in filter(None, (out / "permanence.json", args.json)):
        write_results(path, command, result.rows())
    suite.draw_suite(result, out)
    console = Console(width=110)
    console.print(*tables_of(result.first))
    console.print(suite.reacquisition_table(result.reacquisition))
    console.print(cost_table(result.cost))
    minutes = result.seconds / 60
    print(f"{result.cells} cells, {minutes:.1f} minutes of judging: {out}/permanence.json")
    return 0


def _command(
    lineup: "Lineup", plan: "PermanencePlan", weights: tuple[str, ...], data: str | None
) -> str:
    """The command line that measures the same again, whatever the defaults are then."""
    memories = ",".join(entrant.name for entrant in lineup.entrants)
    words = ["neurosvt", "permanence", lineup.name, "--memory", memories]
    words += ["--weights", ",".join(weights)] if weights else []
    words += ["--data", data] if data else []
    return shlex.join([*words, *plan.words()])


def _words(text: str | None) -> tuple[str, ...] | None:
    """The words of a comma-separated option; None where it was not given."""
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


TABLE_OPTIONS = (
    "data", "hidden", "seen", "memory", "weights", "events", "state_noise", "state_bits", "blind",
    "frame_ms",
)  # fmt: skip
"""What a suite decides for itself."""


def _refuse_table_options(args: argparse.Namespace) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name in TABLE_OPTIONS:
        if getattr(args, name) != parser.get_default(name):
            option = "--" + name.replace("_", "-")
            raise UserError(f"{option} is for one score table; --suite asks everything")
