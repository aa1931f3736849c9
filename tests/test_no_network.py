"""Neither an import nor work on files that are here asks the network for anything."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from neurosvt import Recording, write_events
from neurosvt.events import pack_events
from tests.tiny_runs import TINY

BLOCKED = """
import socket

def refused(self, *args, **options):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise AssertionError("the network was asked for something")
    return getattr(super(socket.socket, self), which)(*args, **options)

for which in ("connect", "connect_ex", "bind", "sendto", "listen"):
    code = refused.__code__
    scope = {"socket": socket, "which": which, "AssertionError": AssertionError}
    setattr(socket.socket, which, type(refused)(code, scope | {"getattr": getattr, "super": super}))

def asked(*args, **options):
    raise AssertionError("a name was looked up")

socket.getaddrinfo = socket.gethostbyname = asked
"""
IMPORTS = """
from tests.faults.harms import all_imported

all_imported()
"""
WORK = """
from neurosvt.cli import main
from tests.tiny_runs import short_validation

with short_validation():
    for words in {commands!r}:
        assert main(words) == 0, words
"""


def in_python(code, folder):
    ran = subprocess.run(
        [sys.executable, "-c", BLOCKED + code], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_the_block_blocks(tmp_path):
    for call in ("socket.socket().connect(('127.0.0.1', 1))", "socket.getaddrinfo('pypi.org', 1)"):
        refusal = (
            f"try:\n    {call}\nexcept AssertionError:\n    pass\nelse:\n    raise SystemExit(3)"
        )
        in_python(refusal, tmp_path)


def test_neither_importing_everything_nor_work_on_files_asks_for_anything(tmp_path):
    t = np.arange(0, 200_000, 100)
    events = pack_events(t, 30 + t // 10_000, 30 + t % 7, t % 2)
    write_events(tmp_path / "dot.npz", Recording(events, 64, 64))
    tiny = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
    tiny += ["--set", "train.steps=1", "--set", "train.validate_every=2"]
    asked = ["--tiers", "blackout", "--hidden", "3", "--events", "4"]
    commands = [
        ["list", "models"],
        ["data", "convert", "dot.npz", "dot.aedat4"],
        ["data", "info", "dot.aedat4"],
        ["predict", "permanence", "dot.aedat4"],
        ["stream", "dot.npz", "--speed", "max", "--quiet", "--json-lines", "rows.jsonl"],
        ["permanence", "permanence", *asked, "--quiet"],
        ["demo", "--input", "dot.npz", "--frames", "5"],
        ["export", "permanence", "--to", "c", "--out", "c"],
        ["train", "permanence_stage1", "--out", "out", "--quiet", *tiny],
    ]
    in_python(IMPORTS + WORK.format(commands=commands), tmp_path)
