"""Work that is disturbed while it goes on, and what has to come of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.cli import main
from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import write_events
from neurosvt.training import checkpoint
from tests.datasets.test_own_images import photographs
from tests.tiny_runs import TINY, TINY_IMAGES

Found = Mapping[str, Any]
"""By what it is called, what work left behind; of two that are equal, all of it is."""


def nothing(inputs: Path) -> None:
    """Work that needs no inputs."""


def nothing_to_say(out: Path, whole: Found) -> str:
    """Of what is only half done, nothing is held."""
    return ""


@dataclass(frozen=True)
class Course:
    """Commands and their outcome."""

    begin: Callable[[Path, Path], list[str]]
    """The words of the command, of a folder of inputs and one to write in."""
    found: Callable[[Path], Found]
    """What it left in the folder, without times."""
    make: Callable[[Path], None] = nothing
    """Its inputs."""
    again: tuple[str, ...] = ()
    """Words that are added to go on after a disturbance."""
    half: Callable[[Path, Found], str] = nothing_to_say
    """What is wrong with a folder that was left half done, beside the whole; "" if nothing."""


def settings(changes: Mapping[str, Any]) -> list[str]:
    """Options that set them."""
    return [word for name, value in changes.items() for word in ("--set", f"{name}={value}")]


def learnt(out: Path) -> Found:
    """Every tensor of a training, random states and optimisers included, and its curve."""
    found: dict[str, Any] = {}
    for name in ("last", "best"):
        tensors, facts = checkpoint.read_tensors(out / f"{name}.safetensors")
        found |= {f"{name}: {key}": t.numpy() for key, t in tensors.items()}
        found[f"{name}: step"] = facts["step"]
    history = json.loads((out / "history.json").read_text())["history"]
    for entry in history:
        scores = {key: value for key, value in entry.items() if key != "seconds"}
        found[f"history: step {entry['step']}"] = np.array(list(scores.values()), float)
    return found


ROUNDING = 1e-3
"""How far weights may be apart after some steps whose sums were rounded otherwise."""


def differing(found: Found, whole: Found, *, exact: bool) -> list[str]:
    """Names of what is not the same; random states are the same in any case."""
    names = sorted({*found, *whole})
    return [name for name in names if not _same(found.get(name), whole.get(name), exact)]


def _same(one: Any, other: Any, exact: bool) -> bool:
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return bool(one == other)
    if exact or one.dtype.kind != "f":
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=ROUNDING)


def files_of(out: Path) -> Found:
    """Every file, drafts aside, which a kill may leave and a day removes."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.endswith(".draft") and path.name != ".lock"
    }


def whole_files(out: Path, whole: Found) -> str:
    """A file that is there is whole."""
    wrong = [name for name, data in files_of(out).items() if whole.get(name, data) != data]
    return f"half written: {', '.join(wrong)}" if wrong else ""


def done(*words: str | Path) -> None:
    """A command that has to succeed."""
    assert main([str(word) for word in words]) == 0


def gestures(inputs: Path) -> None:
    """Of eight people."""
    write_synthetic_gestures(inputs / "raw", people=8)


def prepared_gestures(inputs: Path) -> None:
    """The same, where NEUROSVT_DATA has them."""
    gestures(inputs)
    place = inputs / "DVS128Gesture_Processed"
    done("data", "prepare", "dvs128", inputs / "raw", place, "--frames", "4")


def images(inputs: Path) -> None:
    """Prepared photographs."""
    photographs(inputs / "photographs", 15)
    done("data", "prepare", "folder", inputs / "photographs", inputs / "own")


def recordings(inputs: Path) -> None:
    """A folder for each of two classes, three recordings in each."""
    for number in range(6):
        folder = inputs / "raw" / ("cup", "pen")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_events(folder / f"{number}.npz", made_up(200_000, number))


def made_up(count: int, seed: int = 0) -> Recording:
    """Noise, 10 us from one event to the next."""
    rng, events = np.random.default_rng(seed), np.zeros(count, EVENT)
    events["t"] = np.arange(count) * 10
    events["x"], events["y"] = rng.integers(0, 100, (2, count))
    return Recording(events, 100, 100)


def long_recording(inputs: Path) -> None:
    """5 s."""
    write_events(inputs / "cup.npz", made_up(500_000))


def short_recording(inputs: Path) -> None:
    """2 s."""
    write_events(inputs / "cup.npz", made_up(200_000))


def trained(inputs: Path) -> None:
    """A tiny model with a memory, to be judged."""
    done("train", "permanence_stage1", "--out", inputs / "tiny", "--quiet", *settings(TINY))


CLOCKED = ("engine_us", "latency_us")
"""What of a line the clock says."""


def beliefs_of(out: Path) -> Found:
    """Lines of a stream, without what the clock says; a last one may be cut."""
    lines = (out / "rows.jsonl").read_text().splitlines(keepends=True)
    told = [json.loads(line) for line in lines if line.endswith("\n")]
    return {str(row["window"]): {k: v for k, v in row.items() if k not in CLOCKED} for row in told}


def said_already(out: Path, whole: Found) -> str:
    """What a stream said before it ended is what it says."""
    if not (out / "rows.jsonl").is_file():
        return ""
    said = beliefs_of(out)
    wrong = [window for window, row in said.items() if whole[window] != row]
    return f"other lines: {', '.join(wrong)}" if wrong else ""


SAVED_OFTEN = {"train.save_minutes": 1e-9}
LONGER = {"train.steps": 12, "train.validate_every": 4, **SAVED_OFTEN}
COURSES = {
    "train scenes": Course(
        lambda inputs, out: [
            "train", "permanence_stage1", "--out", str(out), "--quiet", *settings(TINY | LONGER),
        ],
        learnt,
        again=("--resume", "auto"),
    ),
    "train clips": Course(
        lambda inputs, out: [
            "train", "dvs128", "--out", str(out), "--quiet", *settings({
                "model.patch_size": 32, "model.width": 8, "model.heads": 2, "model.depth": 1,
                "model.memory.channels": 16, "model.readout.width": 8, "data.frames": 4,
                "train.batch": 4, **LONGER,
            }),
        ],
        learnt,
        make=prepared_gestures,
        again=("--resume", "auto"),
    ),
    "train images": Course(
        lambda inputs, out: [
            "train", str(inputs / "own"), "--out", str(out), "--quiet", *settings({
                **TINY_IMAGES, "train.images": 33, "train.start": '""', **SAVED_OFTEN,
            }),
        ],
        learnt,
        make=images,
        again=("--resume", "auto"),
    ),
    "prepare clips": Course(
        lambda inputs, out: ["data", "prepare", "dvs128", str(inputs / "raw"), str(out / "done")],
        files_of,
        make=gestures,
    ),
    "prepare recordings": Course(
        lambda inputs, out: ["data", "prepare", "folder", str(inputs / "raw"), str(out / "done")],
        files_of,
        make=recordings,
    ),
    "convert": Course(
        lambda inputs, out: ["data", "convert", str(inputs / "cup.npz"), str(out / "cup.aedat4")],
        files_of,
        make=long_recording,
        half=whole_files,
    ),
    "suite": Course(
        lambda inputs, out: [
            "permanence", str(inputs / "tiny"), "--suite", "trial", "--out", str(out / "bench"),
        ],
        lambda out: {"rows": json.loads((out / "bench/permanence.json").read_text())["rows"]},
        make=trained,
    ),
    "stream": Course(
        lambda inputs, out: [
            "stream", str(inputs / "cup.npz"), "--speed", "max", "--quiet",
            "--json-lines", str(out / "rows.jsonl"),
        ],
        beliefs_of,
        make=short_recording,
        half=said_already,
    ),
}  # fmt: skip
"""By name."""
