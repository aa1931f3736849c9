"""Break the package in one place at a time, and see whether a test notices.

    python -m tests.mutants.trials MUTANTS COVERAGE [--part K/N] [--json FILE]

MUTANTS is what sample.py drew, COVERAGE what `pytest --cov=neurosvt --cov-context=test` left. The
tests that run the broken line are asked, those of its own file first, until one fails. The file is
written in place and put back, so this belongs in a clean clone with its own `.venv`; parts of the
sample share the work between clones. Exit code 1 if a mutant survives.
"""

import argparse
import difflib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path, PurePosixPath

from coverage import CoverageData

from neurosvt.results.rows import read_results, write_results

ROOT = Path(__file__).parents[2]
HANGS = 600.0
"""Seconds after which a mutant that no test has failed on counts as hanging."""
MEMORY = 12 << 30
"""Bytes that the tests of one mutant may ask for; more fails them."""


class Tests:
    """Which tests run a line."""

    def __init__(self, coverage: Path):
        self.data = CoverageData(str(coverage))
        self.data.read()
        self.measured = sorted(self.data.measured_files())

    def of(self, file: str, line: int) -> list[str]:
        """Names of tests that run a line; any of the file where it runs only at import, and any of
        the room where all of the file does."""
        name = next((path for path in self.measured if path.endswith(f"/{file}")), "")
        said = self.data.contexts_by_lineno(name) if name else {}
        found = {test.rpartition("|")[0] for test in said.get(line, ()) if test}
        if not found:
            found = {test.rpartition("|")[0] for tests in said.values() for test in tests if test}
        if not found - {""}:
            return [f"tests/{PurePosixPath(file).parts[1]}"]
        return sorted(found - {""}, key=lambda test: (-nearness(test, file), test))


def nearness(test: str, file: str) -> int:
    """2 for the file that tests this one, 1 for others of its room, 0 for the rest."""
    at, broken = PurePosixPath(test.partition("::")[0]), PurePosixPath(file)
    room = broken.parts[1]
    if at.stem == f"test_{broken.stem.strip('_')}" and room in at.parts:
        return 2
    return int(room in at.parts)


@contextmanager
def broken(path: Path, source: str) -> Iterator[None]:
    """A file as the mutant has it, for as long as the context lasts."""
    whole = path.read_bytes()
    try:
        path.write_text(source, encoding="utf-8")
        yield
    finally:
        path.write_bytes(whole)


def outcome(tests: list[str], file: str) -> str:
    """`killed`, `hung`, or `survived` if all of them pass. Near ones are asked in a process of
    their own: they are imported in a moment, and notice most."""
    for _, group in groupby(tests, lambda test: nearness(test, file)):
        if (how := answer(list(group))) != "survived":
            return how
    return "survived" if tests else "untested"


def answer(tests: list[str]) -> str:
    """The outcome of these."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.write("\n".join(tests))
        names.flush()
        asked = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-m", "not gpu",
                 "-p", "no:cacheprovider", f"@{names.name}"]  # fmt: skip
        with subprocess.Popen(
            asked,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        ) as program:
            try:
                code = program.wait(HANGS)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)
                return "hung"
    return "killed" if code else "survived"


def changed(before: str, after: str) -> str:
    """What is there instead of what, in one line."""
    lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][3:]
    return " ".join(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "-+")


def main() -> int:
    """Try the mutants of a part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("mutants", type=Path)
    parser.add_argument("coverage", type=Path)
    parser.add_argument("--part", default="1/1", metavar="K/N")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    tests = Tests(args.coverage)
    rows = read_results(args.json).rows if args.json and args.json.exists() else []
    mutants = json.loads(args.mutants.read_text(encoding="utf-8"))[part - 1 :: parts]
    for count, mutant in enumerate(mutants[len(rows) :], len(rows) + 1):
        path, start = ROOT / mutant["file"], time.monotonic()
        asked = tests.of(mutant["file"], mutant["line"])
        change = changed(path.read_text(encoding="utf-8"), mutant["source"])
        with broken(path, mutant["source"]):
            how = outcome(asked, mutant["file"])
        print(f"{count} of {len(mutants)}: {how} in {time.monotonic() - start:.0f} s, "
              f"{mutant['file']}:{mutant['line']} {change}", flush=True)  # fmt: skip
        rows.append(
            {"file": mutant["file"], "line": mutant["line"], "operator": mutant["operator"],
             "change": change, "tests": len(asked), "outcome": how}
        )  # fmt: skip
        if args.json:
            write_results(args.json, "python -m tests.mutants.trials", rows)
    return int(any(row["outcome"] in ("survived", "untested") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
