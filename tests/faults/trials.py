"""Disturb work at random moments, let it go on, and compare its end with the undisturbed one.

    python -m tests.faults.trials COUNT [--course NAME] [--seed N] [--json FILE]

COUNT disturbances of every course, every kind in turn. FILE keeps its rows of courses that are not
asked for. Exit code 1 if an end is another, or if any
program says anything but a line.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from neurosvt.permanence.suite import SUITES, Suite
from neurosvt.results.rows import read_results, write_results
from tests.faults.courses import COURSES, Course, Found, differing
from tests.faults.harms import HARMS, NEEDS_ROOT, all_imported, begun, ended
from tests.tiny_runs import short_validation

SUITES["trial"] = Suite((3, 5), 4, ({"state_bits": 8},))
MOST_IN_A_ROW = 3
"""Disturbances on the way to one end."""


@dataclass
class Told:
    """What a course went through."""

    harms: Counter[str] = field(default_factory=Counter)
    """Disturbances, by kind."""
    refused: Counter[str] = field(default_factory=Counter)
    """Programs that ended with a line, by the kind of disturbance."""
    wrong: list[str] = field(default_factory=list)


def kinds() -> list[str]:
    """Disturbances that can be made here."""
    return [name for name in HARMS if not (name in NEEDS_ROOT and os.geteuid())]


class Trial:
    """A course with its inputs and its undisturbed end, in a folder of its own."""

    def __init__(self, course: Course, folder: Path):
        self.course, self.folder, self.log = course, folder, folder / "said"
        self.inputs = folder / "inputs"
        self.inputs.mkdir(mode=0o755)
        folder.chmod(0o755)
        os.environ["NEUROSVT_DATA"] = str(self.inputs)
        maker = _in_a_fork(lambda: course.make(self.inputs))
        assert maker == 0, f"the inputs were not made: {maker}"
        start = time.monotonic()
        self.whole = self.end(folder / "whole")
        self.seconds = time.monotonic() - start

    def end(self, out: Path, again: bool = False) -> Found:
        """What is there once the course has come to its end, undisturbed from here on."""
        out.mkdir(exist_ok=True)
        how = ended(begun(self.words(out, again), self.log), self.log)
        assert how.code == 0, f"did not end: {how.code}: {how.said[-2000:]}"
        return self.course.found(out)

    def words(self, out: Path, again: bool) -> list[str]:
        return [*self.course.begin(self.inputs, out), *(self.course.again if again else ())]

    def disturb(self, harms: list[str], rng: random.Random, told: Told) -> None:
        """Begin anew, disturb one time after the other, and go on to the end."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        try:
            for name in harms:
                words = self.words(out, again=True)
                how = HARMS[name](words, out, self.log, self.seconds, rng)
                told.harms[name] += 1
                told.refused[name] += sum(one.code == 2 for one in how)
                told.wrong += [f"{name}: {line}" for one in how if (line := one.wrong())]
                if line := self.course.half(out, self.whole):
                    told.wrong.append(f"{name}: {line}")
            found = self.end(out, again=True)
        except AssertionError as error:
            told.wrong.append(f"{harms}: {error}")
            return
        # Three threads add up in another order than one.
        exact = "other threads" not in harms
        if different := differing(found, self.whole, exact=exact):
            told.wrong.append(f"{harms}: another end: {different[:5]}")


def _in_a_fork(work: Callable[[], None]) -> int | None:
    """Threads that PyTorch starts here would be missing in the programs that are forked later."""
    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    return process.exitcode


def run(course: Course, count: int, seed: int) -> Told:
    """So many disturbances of a course, one to three on the way to one end."""
    rng, told = random.Random(seed), Told()
    with tempfile.TemporaryDirectory() as folder, short_validation():
        trial = Trial(course, Path(folder))
        names = [kinds()[i % len(kinds())] for i in range(count)]
        rng.shuffle(names)
        while names:
            many = rng.randint(1, MOST_IN_A_ROW)
            now, names = names[:many], names[many:]
            trial.disturb(now, rng, told)
    return told


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--course", action="append", choices=COURSES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    all_imported()
    rows = read_results(args.json).rows if args.json and args.json.exists() else []
    wrong = False
    for name in args.course or COURSES:
        start = time.monotonic()
        told = run(COURSES[name], args.count, args.seed)
        minutes = (time.monotonic() - start) / 60
        print(f"{name}: {sum(told.harms.values())} disturbances, {len(told.wrong)} wrong, "
              f"{minutes:.1f} minutes", flush=True)  # fmt: skip
        for line in told.wrong:
            print(f"  {line}", flush=True)
        wrong = wrong or bool(told.wrong)
        rows = [row for row in rows if row["course"] != name] + [
            {"course": name, "disturbance": harm, "times": told.harms[harm],
             "refused_in_a_line": told.refused[harm],
             "wrong": sum(harm in line.partition(": ")[0] for line in told.wrong)}
            for harm in told.harms
        ]  # fmt: skip
        if args.json:  # course by course, for all of them take hours
            write_results(args.json, f"python -m tests.faults.trials {args.count}", rows)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
