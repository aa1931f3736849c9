"""neurosvt data: look into event files, convert them, and prepare data sets."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what an event file holds, and whether it is sound")
    info.add_argument("file", metavar="FILE", help="of any format, found by its content")
    info.add_argument("--json", metavar="OUT", help="also write the row as JSON")
    info.set_defaults(action=_info)
    convert = actions.add_parser("convert", help="write the events of one file as another")
    convert.add_argument("file", metavar="FROM", help="event file of any format")
    convert.add_argument("to", metavar="TO", help="where to; its ending says the format")
    convert.add_argument("--format", help="of TO: evt3, aedat3, ... where its ending does not say")
    convert.set_defaults(action=_convert)
    prepare = actions.add_parser("prepare", help="check a data set, and bring it into form, once")
    prepare.add_argument("name", choices=["dvs128", "cifar10"], help="which data set")
    prepare.add_argument("source", metavar="SOURCE", help="what was downloaded: folder or archive")
    prepare.add_argument(
        "destination", metavar="DEST", nargs="?",
        help="where it goes (default: in the folder of data sets)",
    )  # fmt: skip
    prepare.add_argument("--frames", type=int, default=16, help="of a gesture of dvs128 (16)")
    prepare.set_defaults(action=_prepare)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    return args.action(args)


def _info(args: argparse.Namespace) -> int:
    import shlex

    from neurosvt.cli.output import check_writable, write_json
    from neurosvt.data.formats.summary import summarise

    if args.json:
        check_writable(args.json)
    found = summarise(args.file)
    for name, value in found.row().items():
        print(f"{name:<16}{value if value is not None else ''}")
    for line in found.warnings:
        print(f"warning: {line}", file=sys.stderr)
    if args.json:
        write_json(args.json, shlex.join(["neurosvt", "data", "info", args.file]), [found.row()])
    return 0


def _convert(args: argparse.Namespace) -> int:
    from neurosvt.config import UserError
    from neurosvt.data.formats import FORMATS, convert

    if args.format and args.format not in FORMATS:
        raise UserError(f"--format {args.format!r} is unknown; choose from {', '.join(FORMATS)}")
    source = convert(args.file, args.to, args.format)
    for line in source.damage.lines():
        print(f"warning: {line}", file=sys.stderr)
    print(args.to)
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from pathlib import Path

    from neurosvt.data.folder import data_root

    work, name = {
        "dvs128": (_gestures, "DVS128Gesture_Processed"),
        "cifar10": (_photographs, "cifar10"),
    }[args.name]
    place = Path(args.destination) if args.destination else data_root() / name
    print(place if work(args, place) else f"{place} is prepared already")
    return 0


def _photographs(args: argparse.Namespace, place: "Path") -> bool:
    from neurosvt.data.cifar10 import prepare

    return prepare(args.source, place)


def _gestures(args: argparse.Namespace, place: "Path") -> bool:
    from rich.console import Console
    from rich.progress import Progress

    from neurosvt.config import UserError
    from neurosvt.data.dvs128 import prepare

    if args.frames < 1:
        raise UserError(f"--frames must be at least 1, got {args.frames}")
    progress = Progress(console=Console(stderr=True), transient=True)
    bar = progress.add_task("sittings", total=None)

    def advance(done: int, of: int) -> None:
        progress.start()  # not before: what is refused is told in one line
        progress.update(bar, completed=done, total=of)

    try:
        return prepare(args.source, place, frames=args.frames, on_sitting=advance)
    finally:
        if progress.live.is_started:
            progress.stop()
