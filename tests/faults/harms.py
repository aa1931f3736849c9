"""What may happen to a program while it works."""

import codecs
import os
import pkgutil
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

import neurosvt
from neurosvt.cli import main

NOBODY = 65534
"""A user that owns nothing."""
PATIENCE = 120.0
"""Seconds after which a program hangs."""


def untouched() -> None:
    """Nothing is different within the program."""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int | None
    """None if it hung; minus the signal that ended it."""
    said: str
    """On standard error."""

    def wrong(self) -> str:
        """What of it nobody may be shown; "" if nothing."""
        if self.code is None:
            return f"hung for {PATIENCE:.0f} s"
        if "Traceback" in self.said or self.code not in GOOD:
            return f"ended with {self.code}: {self.said[-2000:]}"
        if self.code == 2 and "\nneurosvt: " not in f"\n{self.said}":
            return f"refused without a line: {self.said[-500:]}"
        return ""


GOOD = {0, 2, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
"""Exit codes of work that was done, refused, interrupted, or killed."""


@cache
def all_imported() -> None:
    """Every module there is, here and once: a fork has them all, and so has one that may not read
    where Python lies."""
    codecs.lookup("utf-8-sig")  # a module that Python itself imports when it is first asked for
    for found in pkgutil.walk_packages(neurosvt.__path__, "neurosvt."):
        with suppress(ImportError):  # of an extra
            if not found.name.endswith("__main__"):
                import_module(found.name)


def begun(words: list[str], log: Path, within: Callable[[], None] = untouched) -> BaseProcess:
    """A program of its own that runs a command. It is a fork: with `all_imported`, what happens to
    it happens while it works."""

    def work() -> None:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1) for number in (1, 2))
        torch.set_num_threads(1)
        within()
        sys.exit(main(words))

    process = get_context("fork").Process(target=work)
    process.start()
    return process


def ended(process: BaseProcess, log: Path) -> Ended:
    """Wait for it."""
    process.join(PATIENCE)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
    return Ended(code, log.read_text(errors="replace") if log.is_file() else "")


Harm = Callable[[list[str], Path, Path, float, random.Random], list[Ended]]
"""`harm(words, out, log, seconds, rng)`: runs a command that writes to `out`, and would take so
many seconds, under adverse conditions; how its programs ended."""


Within = Callable[[random.Random], Callable[[], None]]
"""What is different within a program, drawn by chance."""


def killed(number: signal.Signals, within: Within = lambda rng: untouched) -> Harm:
    """By a signal, at any moment."""

    def harm(
        words: list[str], out: Path, log: Path, seconds: float, rng: random.Random
    ) -> list[Ended]:
        process = begun(words, log, within(rng))
        process.join(rng.uniform(0, 1.1 * seconds))
        if process.is_alive() and process.pid:
            os.kill(process.pid, number)
        return [ended(process, log)]

    return harm


def other_clock(rng: random.Random) -> Callable[[], None]:
    """A clock that is set forth and back by days."""
    now, moved = time.time, random.Random(rng.random())

    def jumps() -> None:
        time.time = lambda: now() + moved.uniform(-3e5, 3e5)

    return jumps


def other_threads(rng: random.Random) -> Callable[[], None]:
    """Another number of threads."""
    return partial(torch.set_num_threads, rng.randint(2, 4))


def full_disk(
    words: list[str], out: Path, log: Path, seconds: float, rng: random.Random
) -> list[Ended]:
    """A disk that holds some of it, and no more."""
    with small_disk(out, int(2 ** rng.uniform(12, 23))):
        return [ended(begun(words, log), log)]


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """Meanwhile a folder, with what it holds, is a disk with so many bytes left. Needs root."""
    held = place.with_name(f"{place.name}.held")
    used = sum(path.stat().st_size + 4096 for path in place.rglob("*"))
    place.rename(held)
    place.mkdir()
    options = f"size={used + size + 16 * 4096}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        subprocess.run(["cp", "-a", f"{held}/.", place], check=True)
        yield
        subprocess.run(["rm", "-rf", held], check=True)
        subprocess.run(["cp", "-a", f"{place}/.", held], check=True)
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        place.rmdir()
        held.rename(place)


def forbidden(
    words: list[str], out: Path, log: Path, seconds: float, rng: random.Random
) -> list[Ended]:
    """A folder that only others may write to."""
    mode = out.stat().st_mode
    out.chmod(0o555)

    def as_nobody() -> None:
        if not os.geteuid():
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    try:
        return [ended(begun(words, log, as_nobody), log)]
    finally:
        out.chmod(mode)


def two_at_once(
    words: list[str], out: Path, log: Path, seconds: float, rng: random.Random
) -> list[Ended]:
    """Another program does the same in the same place, begun a moment later."""
    first, other = begun(words, log), log.with_suffix(".other")
    time.sleep(rng.uniform(0, 0.5 * seconds))
    return [ended(begun(words, other), other), ended(first, log)]


HARMS: dict[str, Harm] = {
    "SIGKILL": killed(signal.SIGKILL),
    "SIGTERM": killed(signal.SIGTERM),
    "SIGINT": killed(signal.SIGINT),
    "full disk": full_disk,
    "read-only folder": forbidden,
    "clock jumps": killed(signal.SIGKILL, other_clock),
    "two at once": two_at_once,
    "other threads": killed(signal.SIGKILL, other_threads),
}
"""By name."""
NEEDS_ROOT = {"full disk"}
