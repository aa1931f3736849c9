"""neurosvt stream: live beliefs of a file, of scenes, a network or a camera, as JSON lines too.

SOURCE is an event file of any format, scenes:TIER, - (standard input), udp://HOST:PORT, camera: or
camera:SERIAL. Ctrl-C ends it with a summary.
"""

import argparse

from neurosvt.cli.options import add_device, add_reading, add_seed, add_watcher, reading_of, warn
from neurosvt.config import UserError
from neurosvt.presence import FORGOTTEN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "source", metavar="SOURCE",
        help="event file, scenes:TIER, - (standard input), udp://HOST:PORT, camera:[SERIAL]",
    )  # fmt: skip
    add_watcher(parser)
    parser.add_argument(
        "--json-lines", action="append", default=[], metavar="TARGET",
        help="a line of JSON a window: to FILE, - (standard output), udp://HOST:PORT or "
        "zmq://HOST:PORT; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--speed", default="1", metavar="X", help="times real time; max: as fast as it goes"
    )
    parser.add_argument("--window-ms", type=float, help="length of a window; the model's if left")
    parser.add_argument("--window-events", type=int, metavar="N", help="N events a window instead")
    parser.add_argument("--queue", type=int, default=64, help="windows that may wait")
    parser.add_argument(
        "--forgotten-below", type=float, default=FORGOTTEN, metavar="P",
        help=f"what is hidden is forgotten if no class is so probable (default: {FORGOTTEN})",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, help="of the stream, then end")
    parser.add_argument("--windows", type=int, help="so many, then end")
    parser.add_argument("--quiet", action="store_true", help="no table, no lines")
    add_reading(parser)
    add_device(parser)
    add_seed(parser)


def run(args: argparse.Namespace) -> int:
    """Open both ends, let it run, print the summary."""
    from rich.console import Console

    from neurosvt.experiments.checkpoints import load
    from neurosvt.experiments.predictions import engine_for
    from neurosvt.live.present import open_sinks, present
    from neurosvt.live.screen import LiveTable, PlainLines, Screen
    from neurosvt.live.sources import check_source, open_live_source
    from neurosvt.live.stream import Stream

    speed = None if args.speed == "max" else _number(args.speed)
    options = reading_of(args)
    check_source(args.source)
    trained = load(args.model)
    engine = engine_for(trained.model, args.window_ms)
    # Beside lines of JSON on standard output, what is for people goes to standard error.
    console = Console(stderr="-" in args.json_lines)
    opened = open_live_source(
        args.source, size=engine.sensor, frame_us=round(engine.frame_ms * 1000),
        options=options, seed=args.seed,
    )  # fmt: skip
    with opened as source, open_sinks(args.json_lines) as sinks:
        stream = Stream(
            source, engine, window_events=args.window_events, speed=speed,
            queue_windows=args.queue, seconds=args.seconds, windows=args.windows,
            classes=trained.model.class_names, forgotten_below=args.forgotten_below, say=warn,
        )  # fmt: skip
        shown = LiveTable(console, stream) if console.is_terminal else PlainLines(console)
        code = present(stream, sinks, Screen() if args.quiet else shown, warn)
        for line in stream.summary().lines():
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    return code


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"--speed: {text!r} is no number, nor max") from None
