"""The table of equal training that `neurosvt demo` shows: python benchmarks/equal_training.py.

Writes neurosvt/demo/equal_training.csv from the rows of benchmarks/results/baselines.json; a test
holds that nothing would change.
"""

import csv
import io
import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE / "results" / "baselines.json"
TARGET = HERE.parent / "neurosvt" / "demo" / "equal_training.csv"
ROWS = ("gru", "leaky", "convlstm", "lstm", "latch", "lif", "none")
"""Of the demo, and the recurrent networks."""
TIERS = ("blackout", "curtain", "tunnel")
HIDDEN = 60


def equal_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for every model and tier: the mean over its seeds, the lowest and the highest."""
    rows = [r for r in rows if r.get("judgement") == "belief" and r["hidden_frames"] == HIDDEN]
    made = []
    for memory in ROWS:
        for tier in TIERS:
            own = [r for r in rows if (r["memory"], r["tier"]) == (memory, tier)]
            (events,), (train_steps,) = ({r[key] for r in own} for key in ("events", "train_steps"))
            scores = [r["score"] for r in own]
            made.append({
                "memory": memory, "tier": tier, "hidden_frames": HIDDEN,
                "score": round(statistics.mean(scores), 4),
                "lowest": min(scores), "highest": max(scores), "seeds": len(own),
                "events": events, "train_steps": train_steps,
            })  # fmt: skip
    return made


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The file's text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    rows = json.loads(SOURCE.read_text(encoding="utf-8"))["rows"]
    TARGET.write_text(as_csv(equal_rows(rows)), encoding="utf-8")
    print(TARGET)
