"""neurosvt bench: how fast, beside the machine's limit and the libraries that are installed."""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "what",
        choices=["neurons", "train", "latency", "processes", "formats"],
        help="what is measured",
    )
    parser.add_argument(
        "--threads",
        help="comma-separated; each is a run of its own (1,2; files, frames and processes: 1)",
    )
    parser.add_argument("--rounds", type=int, default=21, help="turns that every candidate takes")
    parser.add_argument(
        "--no-compile", action="store_true", help="leave out torch.compile, which takes a minute"
    )
    options.add_device(parser)
    options.add_quiet(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, and write the rows."""
    from rich.console import Console

    from neurosvt.bench.activity import rows_of_events
    from neurosvt.bench.measure import run_benchmark, timing_table
    from neurosvt.config import UserError
    from neurosvt.results.progress import progress_bar

    options.check_outputs(args.json)
    if args.device != "cpu" and args.what != "latency":
        raise UserError(f"bench {args.what} measures the CPU: --device is for bench latency")
    words = args.threads or ("1" if args.what in ("formats", "latency", "processes") else "1,2")
    with progress_bar("runs", quiet=args.quiet) as advance:
        rows = run_benchmark(
            args.what, options.whole_numbers(words, "--threads"), args.rounds,
            compiled=not args.no_compile, on_run=advance,
        )  # fmt: skip
    Console(width=110).print(timing_table(rows))
    if args.what == "latency" and args.device == "cpu":
        by_events = rows_of_events()
        line = by_events[-1]
        print(
            f"time against additions, {by_events[0]['events']} to {by_events[-2]['events']} events "
            f"a frame: {line['us_at_no_addition']:.1f} us and {1e3 * line['us_per_addition']:.3f} "
            f"us for each thousand, r2 {line['r2']:.3f}"
        )
        rows += by_events
    options.write_rows(args, rows)
    return 0
