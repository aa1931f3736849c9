"""neurosvt refuse: how much of recordings of other things a model refuses, and at what cost.

FILEs show what is none of its classes. Each column is a threshold: how many objects of its own,
as validation shows them, it refuses too.
"""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_model(parser)
    parser.add_argument("files", metavar="FILE", nargs="+", help="event files of other things")
    parser.add_argument("--lost", type=float, metavar="SHARE", help="of its own, that --save sets")
    parser.add_argument(
        "--save", metavar="MODEL", help="write it with that threshold, as MODEL.safetensors"
    )
    options.add_reading(parser)
    options.add_device(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, and write the model and the rows."""
    from pathlib import Path

    from rich.console import Console

    from neurosvt.config import UserError
    from neurosvt.experiments.checkpoints import load
    from neurosvt.experiments.predicted_rows import check_files
    from neurosvt.experiments.refusal import LOSSES, Refusal, refusal_table

    if (args.lost is None) != (args.save is None):
        raise UserError("--lost says what --save writes: give both, or neither")
    path = Path(args.save).with_suffix(".safetensors") if args.save else None
    options.check_outputs(args.json, str(path) if path else None)
    check_files(args.files)
    losses = LOSSES if args.lost is None else sorted({*LOSSES, args.lost})
    refusal = Refusal.of(load(args.run))
    rows = list(
        refusal.rows(args.files, losses, options=options.reading_of(args), say=options.warn)
    )
    Console(width=110).print(refusal_table(rows))
    options.write_rows(args, rows)
    if path is not None:
        refusal.save(args.lost, path)
        print(path)
    return 0
