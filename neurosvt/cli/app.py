"""neurosvt app: a page to play with: hide an object yourself, and see who still knows of it.

It listens on this machine alone unless told otherwise. Nothing is fetched from anywhere.
"""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_watcher(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="where it listens; 0.0.0.0 lets other machines in"
    )
    parser.add_argument("--port", type=int, default=7860, help="0 for any that is free")
    parser.add_argument(
        "--shipped-only", action="store_true",
        help="visitors may ask for shipped models alone, not for folders of this machine",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from neurosvt.app.serve import serve

    serve(args.model, args.host, args.port, shipped_only=args.shipped_only, say=options.warn)
    return 0
