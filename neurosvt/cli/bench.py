"""neurosvt bench: how fast, beside the machine's limit and the libraries that are installed."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

WHAT = ("neurons", "train", "formats")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("what", choices=WHAT)
    parser.add_argument(
        "--threads", help="comma-separated; each is a run of its own (1,2; files are read on one)"
    )
    parser.add_argument("--rounds", type=int, default=21, help="turns that every candidate takes")
    parser.add_argument(
        "--no-compile", action="store_true", help="leave out torch.compile, which takes a minute"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, and write the rows."""
    import shlex
    from collections.abc import Callable, Iterable
    from functools import partial

    from rich.console import Console
    from rich.progress import Progress

    from neurosvt.bench import formats, neurons, training
    from neurosvt.bench.timing import Candidate, alternate, on_threads
    from neurosvt.config import UserError
    from neurosvt.results.places import check_writable
    from neurosvt.results.rows import write_results

    words = args.threads or ("1" if args.what == "formats" else "1,2")
    try:
        threads = [int(word) for word in words.split(",")]
    except ValueError:
        threads = []
    if not threads or min(threads) < 1 or args.rounds < 1:
        raise UserError("--threads wants numbers above 0, as in 1,2, and --rounds at least 1")
    if args.json:
        check_writable(args.json)
    makers: dict[str, Callable[[], Iterable[Candidate]]] = {
        "neurons": partial(neurons.candidates, compiled=not args.no_compile),
        "train": training.candidates,
        "formats": formats.candidates,
    }
    console, rows = Console(width=110), []
    for count in threads:
        with on_threads(count), Progress(console=Console(stderr=True), transient=True) as progress:
            candidates = list(makers[args.what]())
            bar = progress.add_task("measuring", total=(args.rounds + 1) * len(candidates))
            rows += alternate(candidates, args.rounds, partial(progress.advance, bar))
    console.print(_table(rows))
    if args.json:
        command = ["neurosvt", "bench", args.what, "--threads", words]
        command += ["--rounds", str(args.rounds), *(["--no-compile"] if args.no_compile else [])]
        write_results(args.json, shlex.join(command), rows)
    return 0


def _table(rows: list[dict[str, Any]]) -> "Table":
    """Median and spread, and how many times slower than the fastest of the same thing."""
    from rich.table import Table

    table = Table(title="milliseconds: median (the middle 90 % of rounds)")
    for name in ("what", "shape", "type", "threads", "name", "ms", "times the fastest"):
        table.add_column(name, justify="right" if name in ("threads", "ms") else "left")

    def same(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["what"], row["shape"], row["dtype"], row["threads"]

    fastest: dict[tuple[Any, ...], float] = {}
    for row in rows:
        if row["name"] != "copy":
            fastest[same(row)] = min(row["median_ms"], fastest.get(same(row), float("inf")))
    for row in sorted(rows, key=lambda row: (*same(row), row["median_ms"])):
        spread = f"{row['median_ms']:.2f} ({row['low_ms']:.2f}-{row['high_ms']:.2f})"
        times = f"{row['median_ms'] / fastest[same(row)]:.1f}"
        table.add_row(*map(str, same(row)), row["name"], spread, times)
    return table
