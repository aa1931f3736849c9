"""neurosvt data: look into event files, convert them, and prepare data sets."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    simulate = actions.add_parser("simulate", help="a film as an event camera would have seen it")
    simulate.add_argument("video", metavar="VIDEO", help="video, GIF, or folder of stills")
    simulate.add_argument("to", metavar="TO", help="event file; its ending says the format")
    simulate.add_argument("--fps", type=float, help="frames a second, where the film does not say")
    simulate.add_argument("--crop", metavar="X,Y,W,H", help="part of it, pixels (default: all)")
    simulate.add_argument("--frames", metavar="A:B", help="frames A to B-1 alone")
    simulate.add_argument("--size", type=int, default=64, help="side of the sensor, pixels (64)")
    simulate.add_argument(
        "--blur", type=float, default=1.0, metavar="PIXELS",
        help="against the dither of palettes and the blocks of codecs (1)",
    )  # fmt: skip
    simulate.add_argument("--noise-hz", type=float, default=0.0, help="shot noise in the dark (0)")
    simulate.add_argument("--seed", type=int, default=0)
    simulate.set_defaults(action=_simulate)
    generate = actions.add_parser("generate", help="make up a data set, in a real one's layout")
    generate.add_argument("name", choices=["dvs128"], help="which layout")
    generate.add_argument("destination", metavar="DEST", help="folder to write it to")
    generate.add_argument("--people", type=int, default=29, help="who make gestures (29)")
    generate.add_argument("--seed", type=int, default=0)
    generate.set_defaults(action=_generate)
    prepare = actions.add_parser("prepare", help="check a data set, and bring it into form, once")
    prepare.add_argument("name", choices=["dvs128", "nmnist", "cifar10"], help="which data set")
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

    from neurosvt.formats.summary import summarise
    from neurosvt.results.places import check_writable
    from neurosvt.results.rows import write_results

    if args.json:
        check_writable(args.json)
    with progress_bar("events") as advance:
        found = summarise(args.file, advance)
    for name, value in found.row().items():
        print(f"{name:<16}{value if value is not None else ''}")
    for line in found.warnings:
        print(f"warning: {line}", file=sys.stderr)
    if args.json:
        write_results(args.json, shlex.join(["neurosvt", "data", "info", args.file]), [found.row()])
    return 0


def _convert(args: argparse.Namespace) -> int:
    from neurosvt.config import UserError
    from neurosvt.formats import FORMATS, convert

    if args.format and args.format not in FORMATS:
        raise UserError(f"--format {args.format!r} is unknown; choose from {', '.join(FORMATS)}")
    with progress_bar("events") as advance:
        source = convert(args.file, args.to, args.format, advance)
    for line in source.damage.lines():
        print(f"warning: {line}", file=sys.stderr)
    print(args.to)
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from neurosvt.config import UserError
    from neurosvt.events.video import crop_video, read_video, simulate_events
    from neurosvt.formats import write_events
    from neurosvt.results.places import check_writable

    check_writable(args.to)
    if args.size < 1 or min(args.blur, args.noise_hz, args.seed) < 0:
        raise UserError("--size must be at least 1, --blur, --noise-hz and --seed not below 0")
    if args.fps is not None and args.fps <= 0:
        raise UserError(f"--fps must be above 0, got {args.fps:g}")
    video = read_video(args.video)
    if args.frames:
        first, last = _numbers(args.frames, ":", 2, "--frames A:B")
        if not 0 <= first < last - 1 or last > len(video.frames):
            raise UserError(f"--frames {args.frames} are not two or more of {len(video.frames)}")
        video = replace(video, frames=video.frames[first:last])
    video = video if args.fps is None else replace(video, fps=args.fps)
    whole = (0, 0, video.frames.shape[2], video.frames.shape[1])
    box = _numbers(args.crop, ",", 4, "--crop X,Y,W,H") if args.crop else whole
    small = crop_video(video, (box[0], box[1], box[2], box[3]), args.size, args.blur)
    recording = simulate_events(small, noise_hz=args.noise_hz, seed=args.seed)
    write_events(args.to, recording)
    print(f"{args.to}: {len(recording.events):,} events")
    return 0


def _numbers(text: str, between: str, count: int, option: str) -> list[int]:
    from neurosvt.config import UserError

    words = text.split(between)
    if len(words) != count or not all(word.strip().isdecimal() for word in words):
        raise UserError(f"{option}: {text!r} is not {count} whole numbers")
    return [int(word) for word in words]


def _generate(args: argparse.Namespace) -> int:
    from pathlib import Path

    from neurosvt.config import UserError
    from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures

    if not 8 <= args.people <= 29:  # fewer might leave validation without any
        raise UserError(f"--people must lie in 8..29, got {args.people}")
    if args.seed < 0:
        raise UserError(f"--seed must not be below 0, got {args.seed}")
    place = Path(args.destination)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(f"{place} is not empty; name a folder that is, or a new one")
    with progress_bar("sittings") as advance:
        write_synthetic_gestures(place, args.people, args.seed, advance)
    print(place)
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from pathlib import Path

    from neurosvt.datasets.folder import data_root

    work, name = {
        "dvs128": (_gestures, "DVS128Gesture_Processed"),
        "nmnist": (_digits, "nmnist"),
        "cifar10": (_photographs, "cifar10"),
    }[args.name]
    place = Path(args.destination) if args.destination else data_root() / name
    print(place if work(args, place) else f"{place} is prepared already")
    return 0


def _photographs(args: argparse.Namespace, place: "Path") -> bool:
    from neurosvt.datasets.cifar10 import prepare_cifar10

    return prepare_cifar10(args.source, place)


def _digits(args: argparse.Namespace, place: "Path") -> bool:
    from neurosvt.datasets.nmnist_import import prepare_nmnist

    with progress_bar("recordings") as advance:
        return prepare_nmnist(args.source, place, advance)


def _gestures(args: argparse.Namespace, place: "Path") -> bool:
    from pathlib import Path

    from neurosvt.config import UserError
    from neurosvt.datasets.dvs128_gesture import prepare_gestures

    source = Path(args.source)
    if next((source / "train").glob("sample_*.pt"), None):
        from neurosvt.datasets.dvs128_tensors import prepare_tensors

        with progress_bar("gestures") as advance:
            return prepare_tensors(source, place, advance)
    if args.frames < 1:
        raise UserError(f"--frames must be at least 1, got {args.frames}")
    with progress_bar("sittings") as advance:
        return prepare_gestures(source, place, frames=args.frames, on_sitting=advance)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[..., None]]:
    """A bar on a terminal's standard error, and what moves it: told how much is done, and of how
    much; or, where nobody knows of how much, how much more is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.completed:,.0f} " + what), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def advance(done: int, of: int | None = None) -> None:
        bar.start()  # not before: what is refused is told in one line
        if of is None:
            bar.advance(task, done)
        else:
            bar.update(task, completed=done, total=of)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
