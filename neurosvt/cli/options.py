"""What commands share: options that mean the same everywhere, rows as JSON, and a bar."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from neurosvt.config import Registry, UserError

if TYPE_CHECKING:
    from neurosvt.formats.options import ReadOptions


def add_model(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """RUN: whose model; it may be left out where there is a default."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?" if default else None, default=default,
        help="run folder, checkpoint or shipped model (neurosvt list models)",
    )  # fmt: skip


def add_json(parser: argparse.ArgumentParser, metavar: str = "FILE") -> None:
    """`--json FILE`."""
    parser.add_argument("--json", metavar=metavar, help="also write the rows as JSON")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How event files are read: the fields of `ReadOptions`."""
    add = parser.add_argument_group("reading event files").add_argument
    add("--sensor", metavar="WxH", help="pixels, where a file does not state them")
    add("--camera", metavar="NAME", help="which of several, or the chip that a file does not name")
    add("--unit", choices=["us", "ns", "ms", "s"], help="of times, where a file leaves it open")
    add("--from", type=float, metavar="S", dest="from_", help="seconds after its first event")
    add("--to", type=float, metavar="S", help="seconds after its first event, not included")
    add("--rebase", action="store_true", help="let times begin at 0")
    add("--sort", action="store_true", help="in order of time, all in memory")


def reading_of(args: argparse.Namespace) -> "ReadOptions":
    """What those options say."""
    from neurosvt.formats.options import ReadOptions, sensor_named

    names = ("camera", "unit", "from_", "to", "rebase", "sort")
    sensor = sensor_named(args.sensor) if args.sensor else None
    return ReadOptions(sensor, **{name: getattr(args, name) for name in names})


def add_watcher(parser: argparse.ArgumentParser) -> None:
    """`--model RUN`, of what watches events."""
    line = "which model watches (neurosvt list models)"
    parser.add_argument("--model", default="permanence", metavar="RUN", help=line)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """`--quiet`, of commands that take long."""
    parser.add_argument("--quiet", action="store_true", help="no bar and no lines meanwhile")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """`--seed N`."""
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device` and `--no-cupy`, of every command that runs a model."""
    parser.add_argument("--device", default="cpu", help="where models run: cpu, cuda or cuda:N")
    parser.add_argument(
        "--no-cupy", action="store_true", help="on a GPU: PyTorch alone, without CUDA kernels"
    )


def add_ray(parser: argparse.ArgumentParser) -> None:
    """`--ray`, of what consists of many parts."""
    line = "spread the work over a Ray cluster, or without an address over the cores here"
    parser.add_argument("--ray", nargs="?", const="local", metavar="ADDRESS", help=line)


@contextmanager
def on_device(args: argparse.Namespace) -> Iterator[None]:
    """What those options say, while a command runs."""
    if getattr(args, "device", "cpu") == "cpu" and not getattr(args, "no_cupy", False):
        yield
        return
    from neurosvt.experiments.devices import models_on

    # Training tells of its kernels itself, for it has a backend of its own.
    say = (lambda line: None) if hasattr(args, "backend") else warn
    with models_on(args.device, cupy=not args.no_cupy, say=say):
        yield


def check_outputs(*paths: str | None) -> None:
    """Refuse files that could not be written, before the long work begins."""
    from neurosvt.results.places import check_writable

    for path in filter(None, paths):
        check_writable(path)


def warn(line: str) -> None:
    """Tell people a line beside what a command prints."""
    print(f"neurosvt: {one_line(line)}", file=sys.stderr)


def one_line(text: str) -> str:
    """Text that a stranger's file may have named, as one line that no terminal obeys.

    >>> one_line("a.raw: \\x1b[2J is\\nno file")
    'a.raw: \\\\x1b[2J is no file'
    """
    told = " ".join(text.splitlines())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in told)


def write_rows(args: argparse.Namespace, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows where `--json` says, under the command that was typed."""
    from neurosvt.results.rows import write_results

    if args.json:
        write_results(args.json, args.command, rows)


def check_choice(what: str, name: str, known: Iterable[str]) -> str:
    """`name`, if it is known; otherwise a UserError with a did-you-mean."""
    return Registry(what, dict.fromkeys(known, name))[name]


def whole_numbers(
    text: str, option: str, *, between: str = ",", count: int | None = None
) -> list[int]:
    """The numbers of a word such as 1,2 or 3:9; `count` of them if that is fixed."""
    words = [word.strip() for word in text.split(between)]
    if not all(word.isdecimal() for word in words) or count not in (None, len(words)):
        raise UserError(f"{option}: {text!r} is not {f'{count} ' if count else ''}whole numbers")
    return [int(word) for word in words]
