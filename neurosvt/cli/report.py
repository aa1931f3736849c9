"""neurosvt report: one page about runs, side by side: settings, curves, results and their commands.

What lies in a run's folder is in it: the curve, and rows that commands wrote with --json.
"""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="+",
        help="run folder, or a shipped model (neurosvt list models)",
    )
    parser.add_argument(
        "--rows", metavar="FILE", action="append", default=[],
        help="further rows of a run, or a folder of them; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--image", metavar="IMAGE", action="append", default=[],
        help="draw the slopes of a DySViT over it; may be given again",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", default="report.html", help="where the page goes")


def run(args: argparse.Namespace) -> int:
    """Gather, and write the page."""
    from neurosvt.report.write import write_report

    options.check_outputs(args.out)
    print(write_report(
        args.out, args.run, rows=args.rows, images=args.image, command=args.command
    ))  # fmt: skip
    return 0
