"""Which share of the package's lines the tests run, by room.

    python -m pytest --cov=neurosvt --cov-context=test --cov-report=
    python -m tests.mutants.lines [--json FILE]

Exit code 1 if it is less than 90 %.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from coverage import Coverage

from neurosvt.results.rows import write_results

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "neurosvt"
LEAST = 0.9


def lines_of_rooms(data_file: Path) -> tuple[Counter[str], Counter[str]]:
    """Lines that can run, and those that did."""
    lines: Counter[str] = Counter()
    run: Counter[str] = Counter()
    coverage = Coverage(str(data_file))
    coverage.load()
    for file in sorted(PACKAGE.rglob("*.py")):
        _, can_run, _, missing, _ = coverage.analysis2(str(file))
        room = file.relative_to(PACKAGE).parts[0] if file.parent != PACKAGE else "."
        lines[room] += len(can_run)
        run[room] += len(can_run) - len(missing)
    return lines, run


def main() -> int:
    """Say it, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    lines, run = lines_of_rooms(ROOT / ".coverage")
    for room in sorted(lines):
        print(f"{room:15} {run[room]:6,} of {lines[room]:6,}, {run[room] / lines[room]:.1%}")
    print(f"{'all':15} {run.total():6,} of {lines.total():6,}, {run.total() / lines.total():.1%}")
    if args.json:
        rows = [{"room": room, "lines": lines[room], "run": run[room]} for room in sorted(lines)]
        write_results(args.json, "make cover", rows)
    return int(run.total() < LEAST * lines.total())


if __name__ == "__main__":
    sys.exit(main())
