"""What is known of the shipped models, for their cards: python benchmarks/shipped_results.py.

Writes neurosvt/weights/results.json from the committed rows; a test holds that nothing would
change.
"""

import json
from typing import Any

from committed import rows_of

from neurosvt.experiments.checkpoints import SHIPPED_RESULTS

TARGET = SHIPPED_RESULTS
HIDDEN = (60, 300)
MEMORIES = {"": "leaky", "_lif": "lif", "_none": "none"}


def belief_rows(name: str, memory: str) -> list[dict[str, Any]]:
    """Belief of one model in every tier of its benchmark."""
    return [
        {
            "tier": row["tier"], "hidden frames": row["hidden_frames"], "belief": row["score"],
            "from": row["low"], "to": row["high"], "occlusions": row["events"],
        }
        for row in rows_of(name)
        if (row.get("judgement"), row.get("memory")) == ("belief", memory)
        and (row["state_noise"], row["state_bits"], row["frame_ms"]) == (0.01, 32, 10.0)
        and row["dataset"] in ("scenes", "nmnist")
        and row["hidden_frames"] in HIDDEN
    ]  # fmt: skip


def accuracy_rows(name: str) -> list[dict[str, Any]]:
    """Accuracy of one classifier."""
    return [
        {
            "data": f"{row['dataset']}, {row['split']}", "accuracy": row["accuracy"],
            "from": row["low"], "to": row["high"], "images": row["samples"],
        }
        for row in rows_of(name)
    ]  # fmt: skip


def shipped_results() -> dict[str, list[dict[str, Any]]]:
    """Rows for the card of every shipped model that was judged."""
    found = {
        f"{name}{ending}": belief_rows(name, memory)
        for name in ("permanence", "nmnist")
        for ending, memory in MEMORIES.items()
    }
    found |= {name: accuracy_rows(name) for name in ("dysvit", "dysvit_protocol")}
    return {name: rows for name, rows in found.items() if rows}


def as_json(found: dict[str, list[dict[str, Any]]]) -> str:
    """The file's text: a row a line."""
    models = [
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in found.items()
    ]
    return "{\n" + ",\n".join(models) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(as_json(shipped_results()), encoding="utf-8")
    print(TARGET)
