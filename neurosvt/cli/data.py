"""neurosvt data: look into event files, convert them, and prepare data sets."""

import argparse
import sys
from collections.abc import Iterable

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what an event file holds, and whether it is sound")
    info.add_argument("file", metavar="FILE", help="of any format, found by its content")
    options.add_reading(info)
    options.add_json(info, metavar="OUT")
    info.set_defaults(action=_info)
    convert = actions.add_parser("convert", help="write the events of one file as another")
    convert.add_argument("file", metavar="FROM", help="event file of any format")
    convert.add_argument("copy", metavar="TO", help="where to; its ending says the format")
    convert.add_argument("--format", help="of TO: evt3, aedat3, ... where its ending does not say")
    options.add_reading(convert)
    convert.set_defaults(action=_convert)
    simulate = actions.add_parser("simulate", help="a film as an event camera would have seen it")
    simulate.add_argument("video", metavar="VIDEO", help="video, GIF, or folder of stills")
    simulate.add_argument("to", metavar="TO", help="event file; its ending says the format")
    simulate.add_argument("--fps", type=float, help="frames a second, where the film does not say")
    simulate.add_argument("--crop", metavar="X,Y,W,H", help="a part of it alone, pixels")
    simulate.add_argument("--frames", metavar="A:B", help="frames A to B-1 alone")
    simulate.add_argument("--size", type=int, default=64, help="side of the sensor, pixels")
    simulate.add_argument(
        "--blur", type=float, default=1.0, metavar="PIXELS",
        help="against the dither of palettes and the blocks of codecs",
    )  # fmt: skip
    simulate.add_argument("--noise-hz", type=float, default=0.0, help="shot noise in the dark")
    options.add_seed(simulate)
    simulate.set_defaults(action=_simulate)
    generate = actions.add_parser("generate", help="make up a data set, in a real one's layout")
    generate.add_argument("name", choices=["dvs128"], help="which layout")
    generate.add_argument("destination", metavar="DEST", help="folder to write it to")
    generate.add_argument("--people", type=int, default=29, help="who make gestures")
    options.add_seed(generate)
    generate.set_defaults(action=_generate)
    label = actions.add_parser("label", help="draft labels from the events, to correct by hand")
    label.add_argument("files", metavar="FILE", nargs="+", help="recordings of one object each")
    label.add_argument(
        "--class", required=True, dest="label", metavar="NAME", help="what they show"
    )
    label.add_argument(
        "--index", default="index.csv", metavar="CSV", help="gets a line a recording"
    )
    options.add_reading(label)
    label.set_defaults(action=_label)
    prepare = actions.add_parser("prepare", help="check a data set, and bring it into form, once")
    prepare.add_argument("name", metavar="NAME", help="which (neurosvt list datasets)")
    prepare.add_argument("source", metavar="SOURCE", help="what was downloaded: folder or archive")
    prepare.add_argument(
        "destination", metavar="DEST", nargs="?",
        help="where it goes, instead of into the folder of data sets",
    )  # fmt: skip
    prepare.add_argument("--frames", type=int, default=16, help="of a gesture of dvs128")
    options.add_ray(prepare)
    prepare.set_defaults(action=_prepare)
    for command in (info, convert, generate, prepare):
        options.add_quiet(command)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    args.action(args)
    return 0


def _info(args: argparse.Namespace) -> None:
    from neurosvt.formats.summary import summarise
    from neurosvt.results.progress import progress_bar

    options.check_outputs(args.json)
    with progress_bar("events", quiet=args.quiet) as advance:
        found = summarise(args.file, advance, options.reading_of(args))
    for name, value in found.row().items():
        if value not in (None, "") and name != "warnings":
            print(f"{name:<16}{value}")
    _warn(found.warnings)
    options.write_rows(args, [found.row()])


def _convert(args: argparse.Namespace) -> None:
    from neurosvt.formats import FORMATS, convert
    from neurosvt.results.progress import progress_bar

    if args.format:
        options.check_choice("--format", args.format, FORMATS)
    with progress_bar("events", quiet=args.quiet) as advance:
        source = convert(args.file, args.copy, args.format, advance, options.reading_of(args))
    _warn(source.warnings())
    print(args.copy)


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"warning: {line}", file=sys.stderr)


def _simulate(args: argparse.Namespace) -> None:
    from neurosvt.events.video import read_video, record_video
    from neurosvt.formats import write_events

    options.check_outputs(args.to)
    crop = options.whole_numbers(args.crop, "--crop X,Y,W,H", count=4) if args.crop else None
    span = (
        options.whole_numbers(args.frames, "--frames A:B", between=":", count=2)
        if args.frames
        else None
    )
    recording = record_video(
        read_video(args.video), size=args.size, fps=args.fps, crop=crop, frames=span,
        blur=args.blur, noise_hz=args.noise_hz, seed=args.seed,
    )  # fmt: skip
    write_events(args.to, recording)
    print(f"{args.to}: {len(recording.events):,} events")


def _generate(args: argparse.Namespace) -> None:
    from pathlib import Path

    from neurosvt.config import UserError
    from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
    from neurosvt.results.progress import progress_bar

    if not 8 <= args.people <= 29:  # fewer might leave validation without any
        raise UserError(f"--people must lie in 8..29, got {args.people}")
    if args.seed < 0:
        raise UserError(f"--seed must not be below 0, got {args.seed}")
    with progress_bar("sittings", quiet=args.quiet) as advance:
        write_synthetic_gestures(Path(args.destination), args.people, args.seed, advance)
    print(args.destination)


def _label(args: argparse.Namespace) -> None:
    from neurosvt.datasets.drafts import label_file

    for file in args.files:
        draft = label_file(file, args.label, args.index, options.reading_of(args))
        spans = ", ".join(f"{a:.2f}-{b:.2f} s" for a, b in draft.hidden) or "never"
        print(f"{file}: {len(draft.boxes.t)} boxes; without events: {spans}")


def _prepare(args: argparse.Namespace) -> None:
    from neurosvt.datasets.prepare import PREPARATIONS, prepare_data_set
    from neurosvt.results.progress import progress_bar
    from neurosvt.spread import spread_over

    with (
        progress_bar(PREPARATIONS[args.name].unit, quiet=args.quiet) as advance,
        spread_over(args.ray) as spread,
    ):
        place, worked = prepare_data_set(
            args.name, args.source, args.destination,
            frames=args.frames, on_progress=advance, spread=spread,
        )  # fmt: skip
    print(place if worked else f"{place} is prepared already")
