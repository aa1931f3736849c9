"""Fuzzing guided by coverage: every reader of files, each in a process of its own.

    python -m tests.guided.fuzz SECONDS [--only READER] [--work FOLDER] [--json FILE]

SECONDS are for each reader. It needs atheris, which `make fuzz` brings. The corpus begins with the
files in `corpus` and grows in FOLDER. Exit code 1 if a file was neither read nor refused in a line:
it lies in FOLDER, and the table says where.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from neurosvt.results.rows import write_results
from tests.guided.readers import READERS

CORPUS = Path(__file__).parent / "corpus"
LONGEST_S, MOST_MIB = 10, 2048
"""For one file; the memory is that of the whole process, PyTorch's included."""


def slug(name: str) -> str:
    """A reader's folder of files."""
    return re.sub(r"\W+", "_", name)


def fuzz(name: str, seconds: int, work: Path) -> dict[str, Any]:
    """What became of one reader in so many seconds."""
    grown, found = work / slug(name) / "corpus", work / slug(name) / "found"
    for folder in (grown, found):
        folder.mkdir(parents=True, exist_ok=True)
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as place:
        reader.make(Path(place))
        whole = (Path(place) / reader.file).read_bytes()
    (grown / "whole").write_bytes(whole)
    kept = [str(folder) for folder in [CORPUS / slug(name)] if folder.is_dir()]
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.guided.one", name, str(grown), *kept,
            f"-max_total_time={seconds}", f"-max_len={max(4096, 2 * len(whole))}",
            f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MIB}", "-print_final_stats=1",
            f"-artifact_prefix={found}/",
        ],
        capture_output=True, text=True, errors="replace", check=False,
        env={**os.environ, "NEUROSVT_DATA": str(work / "no data")},
    )  # fmt: skip
    (work / slug(name) / "log").write_text(done.stdout + done.stderr)
    tried = re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)
    edges = re.findall(r" cov: (\d+)", done.stderr)
    wrong = max(sum(1 for _ in found.iterdir()), int(done.returncode != 0))
    return {
        "reader": name, "seconds": seconds, "tried": int(tried[-1]) if tried else 0,
        "edges": int(edges[-1]) if edges else 0, "corpus": sum(1 for _ in grown.iterdir()),
        "wrong": wrong,
    }  # fmt: skip


def main() -> int:
    """Every reader, or some."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seconds", type=int)
    parser.add_argument("--only", action="append", choices=list(READERS))
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.only or READERS:
        rows.append(fuzz(name, options.seconds, options.work))
        print(rows[-1], flush=True)
    if options.json:
        write_results(options.json, f"python -m tests.guided.fuzz {options.seconds}", rows)
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
