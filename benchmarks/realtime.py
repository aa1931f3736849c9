"""What a stream at real time costs: python benchmarks/realtime.py [--seconds N] [--json FILE].

Recordings of hand-held objects, each played at real time through the shipped model, once with its
beliefs alone and once with a line of JSON a window. The row has the share of one core that the
whole process took. They are looked for in the folder that NEUROSVT_DATA names.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from neurosvt import load
from neurosvt.datasets.folder import data_root
from neurosvt.engine import Engine
from neurosvt.live import Stream, open_live_source
from neurosvt.live.present import open_sinks, present
from neurosvt.live.screen import Screen
from neurosvt.results.rows import write_results

RECORDINGS = ("box_rec2", "mouse_rec2", "misc_pendulo")
MOST = 0.05
"""Of a core."""


def measure(seconds: float) -> Iterator[dict]:
    """A row a recording and way of telling."""
    engine = Engine(load("permanence").model)
    options = {"size": engine.sensor, "frame_us": round(engine.frame_ms * 1000)}
    for name in RECORDINGS:
        path = data_root() / "dvs128_objects" / "aedat" / f"{name}.aedat"
        for lines in (False, True):
            with (
                tempfile.TemporaryDirectory() as folder,
                open_live_source(path, **options) as source,
            ):
                targets = [str(Path(folder) / "beliefs.jsonl")] if lines else []
                with open_sinks(targets) as sinks:
                    stream = Stream(source, engine, seconds=seconds)
                    present(stream, sinks, Screen())
                found = asdict(stream.summary())
            yield {
                "recording": name, "json_lines": lines, **found,
                "kept": found["core_share"] < MOST and not found["dropped_windows"],
            }  # fmt: skip


def main(words: list[str]) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each recording")
    parser.add_argument("--json", metavar="FILE", help="also write the rows")
    args = parser.parse_args(words)
    rows = []
    for row in measure(args.seconds):
        print(json.dumps(row), flush=True)
        rows.append(row)
    if args.json:
        write_results(args.json, f"python benchmarks/realtime.py --seconds {args.seconds}", rows)


if __name__ == "__main__":
    main(sys.argv[1:])
