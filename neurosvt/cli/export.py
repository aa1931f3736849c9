"""neurosvt export: a trained model for other runtimes: NIR for chips, C, ONNX for the others."""

import argparse

from neurosvt.cli.options import add_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_model(parser)
    parser.add_argument("--to", required=True, metavar="FORM", help="nir, onnx or c")
    parser.add_argument("--out", metavar="FOLDER", help="where it goes (default: NAME-FORM)")
    parser.add_argument(
        "--bits",
        type=int,
        metavar="N",
        help="of a number, where FORM has a choice: c has 16 and 8 (default: 8)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the files, and name them."""
    from pathlib import Path

    from neurosvt.experiments.checkpoints import load
    from neurosvt.export import EXPORTS, export_model
    from neurosvt.results.places import check_folder

    EXPORTS[args.to]  # or the model would be loaded for nothing
    folder = check_folder(args.out or f"{Path(args.run).name}-{args.to}")
    options = {} if args.bits is None else {"bits": args.bits}
    for path in export_model(load(args.run).model, args.to, folder, **options):
        print(f"{path}  {path.stat().st_size / 1024:,.0f} KiB")
    return 0
