"""What readers make of damaged files: ours, and those of other packages on the same files.

    python -m tests.formats.strangers COUNT [--python INTERPRETER] [--json FILE]

INTERPRETER is of an environment with tonic and spikingjelly. Each reader works in a process of its
own. COUNT files of each format are damaged; an answer is right if all events of the undamaged file
come, or if it is told that not all is well: by a line, a warning, or an exception that says so.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.results.rows import write_results
from tests.formats.fuzz import damaged, samples

LONGEST_S = 10.0
MOST_BYTES = 6 << 30
"""Of address space, with the libraries that a reader loads."""
FORMATS = ("nmnist", "aedat2", "aedat3", "aedat4")
OTHERS = ("tonic", "spikingjelly")
HERE = Path(__file__).with_name("reader_of.py")
OUTCOMES = ("all events", "refused in a line", "told", "exception", "other events, silently",
            "crash", "hang")  # fmt: skip


class Reader:
    """A reader in a process, which is begun anew when a file has ended it."""

    def __init__(self, python: str, name: str):
        self.command = [python, str(HERE), name]
        self.process = self.begin()

    def begin(self) -> "subprocess.Popen[str]":
        import resource

        def bounded() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))

        return subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, preexec_fn=bounded,
            env=os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def read(self, path: Path, wait: float = LONGEST_S) -> dict[str, Any]:
        """Its answer; `crash` or `hang` if it gives none."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], wait)[0]:
            return self.anew("hang")
        line = self.process.stdout.readline()
        return json.loads(line) if line else self.anew("crash")

    def anew(self, why: str) -> dict[str, Any]:
        """The process is another; why."""
        self.end()
        self.process = self.begin()
        return {why: True}

    def end(self) -> None:
        """The process ends."""
        self.process.kill()
        self.process.communicate()


def outcome(answer: dict[str, Any], whole: dict[str, Any]) -> str:
    """Which of `OUTCOMES` an answer is, against that for the undamaged file."""
    for word, found in (("crash", "crash"), ("hang", "hang"), ("refused", "refused in a line"),
                        ("raised", "exception")):  # fmt: skip
        if word in answer:
            return found
    if answer.get("told"):
        return "told"
    same = (answer["count"], answer["digest"]) == (whole["count"], whole["digest"])
    return "all events" if same else "other events, silently"


def judged(python: str, reader: str, form: str, count: int, seed: int) -> Counter[str] | None:
    """Outcomes of a reader; None if it cannot read the undamaged file."""
    rng, found = np.random.default_rng(seed), Counter[str]()
    own = Reader(python, reader)
    with tempfile.TemporaryDirectory() as folder:
        ending = {"nmnist": "bin", "aedat4": "aedat4"}.get(form, "aedat")
        path = Path(folder) / f"file.{ending}"
        data = samples(seed)[form]
        path.write_bytes(data)
        whole = own.read(path, wait=60)  # with all imports
        if "count" not in whole:
            print(f"{reader}, {form}: cannot read the undamaged file: {whole}", file=sys.stderr)
            own.end()
            return None
        for _ in range(count):
            path.write_bytes(damaged(data, rng))
            found[outcome(own.read(path), whole)] += 1
    own.end()
    return found


def main() -> None:
    """Judge all readers, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--python", help="of an environment with tonic and spikingjelly")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args, rows = parser.parse_args(), []
    for form in FORMATS:
        readers = [(sys.executable, "neurosvt")]
        if args.python:
            readers += [(args.python, f"{other} {form}") for other in OTHERS]
        for python, reader in readers:
            start = time.monotonic()
            try:
                found = judged(python, reader, form, args.count, args.seed)
            except BrokenPipeError:  # it has no such reader
                continue
            if found is None:
                continue
            row = {"format": form, "reader": reader.split()[0], "files": args.count}
            rows.append(row | {name: found[name] for name in OUTCOMES})
            print(row | dict(found), f"{time.monotonic() - start:.0f} s", flush=True)
    if args.json:
        write_results(args.json, f"python -m tests.formats.strangers {args.count}", rows)


if __name__ == "__main__":
    main()
