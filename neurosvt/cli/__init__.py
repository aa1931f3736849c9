"""The command line: finds the command, and says what went wrong in one line.

A command is a module with a docstring (`neurosvt NAME: what it does`), `add_arguments(parser)` and
`run(args) -> exit code`. It imports torch inside `run` only, so that help answers at once.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from neurosvt import __version__
from neurosvt.cli.options import check_choice, on_device, warn
from neurosvt.config import UserError

COMMANDS = {
    "demo": "neurosvt.cli.demo",
    "app": "neurosvt.cli.app",
    "stream": "neurosvt.cli.stream",
    "predict": "neurosvt.cli.predict",
    "train": "neurosvt.cli.train",
    "data": "neurosvt.cli.data",
    "evaluate": "neurosvt.cli.evaluate",
    "permanence": "neurosvt.cli.permanence",
    "refuse": "neurosvt.cli.refuse",
    "energy": "neurosvt.cli.energy",
    "report": "neurosvt.cli.report",
    "export": "neurosvt.cli.export",
    "heatmap": "neurosvt.cli.heatmap",
    "bench": "neurosvt.cli.bench",
    "hub": "neurosvt.cli.hub",
    "list": "neurosvt.cli.listing",
    "doctor": "neurosvt.cli.doctor",
}
"""Every command and the module that holds it, in the order in which help lists them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is success, 2 something the user can mend, or that the operating system refused (one line on
    standard error, no traceback), 130 an interrupt, 141 a reader that went away, 128 + n a training
    that signal n stopped. Anything else that is raised is our mistake and keeps its traceback.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    # Our own options take no values, so the first plain word is the command.
    word = next((word for word in argv if not word.startswith("-")), "")
    args = _parser([word] if word in COMMANDS else list(COMMANDS)).parse_args(argv)
    args.command = typed_command(argv)
    try:
        with on_device(args):
            code = int(args.execute(args))
        sys.stdout.flush()  # here, where a reader that went away is no fault
        return code
    except UserError as error:
        return _complain(str(error), 2)
    except BrokenPipeError:
        # Nobody reads on, as with `| head`; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 2
    except OSError as error:
        # `[Errno 2] No such file or directory: 'x'` is Python's way of putting it, not ours.
        said = error.strerror or str(error) or type(error).__name__
        return _complain(f"{error.filename}: {said}" if error.filename is not None else said, 2)
    except MemoryError as error:
        what = f" ({error})" if str(error) else ""
        return _complain(f"not enough memory{what}; smaller batches or files need less", 2)
    except KeyboardInterrupt as interrupt:
        return _complain(str(interrupt) or "interrupted", getattr(interrupt, "exit_code", 130))


def typed_command(argv: Sequence[str]) -> str:
    """The command line as rows tell it: what was typed, less where the rows go.

    >>> typed_command(["evaluate", "dysvit", "--json", "rows.json"])
    'neurosvt evaluate dysvit'
    """
    words = list(argv)
    if "--json" in words:
        at = words.index("--json")
        del words[at : at + 2]
    return shlex.join(["neurosvt", *(word for word in words if not word.startswith("--json="))])


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Prints defaults, where there is one to speak of."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.default is not None and action.default is not False and action.default != []
        return super()._get_help_string(action) if told else action.help


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, where argparse would print its whole usage as well."""

    def __init__(self, **options: Any):
        super().__init__(**({"formatter_class": _Help} | options))

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """A choice that is none is told with what was probably meant."""
        if action.choices is not None and value not in action.choices:
            try:
                check_choice(str(action.metavar or action.dest).lower(), value, action.choices)
            except UserError as error:
                self.error(str(error))


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows only `names`: importing the others would be time lost."""
    parser = _Parser(prog="neurosvt", description="Spiking vision that remembers what it saw.")
    parser.add_argument("--version", action="version", version=f"neurosvt {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        module = import_module(COMMANDS[name])
        line = _help_line(module)
        command = commands.add_parser(name, help=line.replace("%", "%%"), description=line)
        module.add_arguments(command)
        # Not `run`: a command may have an argument of that name.
        command.set_defaults(execute=module.run)
    return parser


def _help_line(module: ModuleType) -> str:
    """The first line of the docstring, without the `neurosvt NAME: ` that help says already."""
    first, *_ = (module.__doc__ or "").strip().splitlines() or [""]
    return first.partition(": ")[2] or first


def _complain(message: str, code: int) -> int:
    warn(message)
    return code
