"""neurosvt permanence: does it still know what it cannot see? PermanenceBench on a model."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?",
        help="run folder, checkpoint or shipped model (default: the shipped permanence)",
    )  # fmt: skip
    parser.add_argument("--tiers", help="comma-separated; default: those that RUN learnt from")
    parser.add_argument("--hidden", default="30,60,120,300,1000", help="numbers of hidden frames")
    parser.add_argument(
        "--memory",
        help="rows beside each other, of leaky, charge_2, lif_1, lif, lif_5, lif_20, lif_100, gru, "
        "lstm, convlstm, none, latch, last_seen, velocity; runs NAME_lif, NAME_none, ... hold the "
        "weights (default: leaky, lif, none and latch, as far as they are there)",
    )  # fmt: skip
    parser.add_argument("--events", type=int, default=1000, help="occlusion events per cell")
    parser.add_argument("--state-noise", type=float, default=0.0, metavar="THRESHOLDS")
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
        "--suite", choices=["quick", "full"],
        help="everything at once: all tiers, all rivals whose weights are there, figures; goes on "
        "where it stopped",
    )  # fmt: skip
    parser.add_argument(
        "--out", default="runs/permanencebench", metavar="DIR", help="where a suite goes"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Judge, print the table, and write the rows."""
    from rich.console import Console

    from neurosvt.permanence.score_table import Plan, measure, score_table
    from neurosvt.results.places import check_writable
    from neurosvt.results.rows import write_results

    if args.json:
        check_writable(args.json)
    if args.suite:
        _refuse_table_options(args)
        from neurosvt.permanence.suite import (
            run_suite,  # which draws: loaded for those who want figures
        )

        return run_suite(args)
    plan = Plan.of(args)
    rows = measure(plan)
    Console(width=110).print(score_table(rows))
    if args.json:
        write_results(args.json, plan.command(), rows)
    return 0


TABLE_OPTIONS = (
    "hidden", "memory", "events", "state_noise", "state_bits", "blind", "frame_ms",
)  # fmt: skip
"""What a suite decides for itself."""


def _refuse_table_options(args: argparse.Namespace) -> None:
    from neurosvt.config import UserError

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    for name in TABLE_OPTIONS:
        if getattr(args, name) != parser.get_default(name):
            option = "--" + name.replace("_", "-")
            raise UserError(f"{option} is for one score table; --suite asks everything")
