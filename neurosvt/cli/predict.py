"""neurosvt predict: classes and positions of images or recordings of your own.

A model of images (dysvit) takes image files; a NeuroSVT takes event files, and tells what it
believed over time.
"""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_model(parser)
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="images (or test:N of CIFAR-10), or event files"
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="only every N-th window, and the last; the table tells alike ones in one row",
    )
    parser.add_argument("--csv", metavar="FILE", help="also write the rows as CSV")
    options.add_reading(parser)
    options.add_device(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Predict, print the table, and write the rows."""
    from rich.console import Console

    from neurosvt.experiments.checkpoints import load
    from neurosvt.experiments.predicted_rows import check_files, prediction_rows, prediction_table
    from neurosvt.results.rows import write_csv

    options.check_outputs(args.json, args.csv)
    check_files(args.files)
    trained = load(args.run)
    told = prediction_rows(
        trained, args.files, every=args.every, options=options.reading_of(args), say=options.warn
    )  # fmt: skip
    rows = list(told)
    Console(width=110).print(prediction_table(rows))
    options.write_rows(args, rows)
    if args.csv:
        write_csv(args.csv, rows)
    return 0
