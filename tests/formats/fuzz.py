"""Files of our own writers, damaged at random: each is read, or refused in one line.

python tests/data/formats/fuzz.py COUNT [SEED] runs it at length; test_damage.py a little of it.
"""

import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats import FORMATS, npz, open_events

LONGEST_S = 5.0
"""Whoever reads a kilobyte for longer hangs."""
SENSORS = {"aedat2": (240, 180), "nmnist": (34, 34)}


def samples(seed: int) -> dict[str, bytes]:
    """A small file of every format that is written."""
    rng, made = np.random.default_rng(seed), {}
    for name, module in FORMATS.items():
        if not hasattr(module, "write"):
            continue
        sensor = SENSORS.get(name, (240, 180))
        events = np.zeros(60, EVENT)
        events["t"] = np.sort(rng.integers(0, 10**6, 60))
        events["x"], events["y"] = (rng.integers(0, side, 60) for side in sensor)
        events["t"][20:40] = events["t"][20]  # an edge: neighbours at one time
        events["y"][20:40], events["p"][20:40] = 9, True
        events["x"][20:40] = np.arange(5, 25)
        with tempfile.TemporaryFile() as stream:
            module.write(stream, npz.Whole(events, sensor))
            stream.seek(0)
            made[name] = stream.read()
    return made


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with bytes changed, cut out, put in, doubled or cut off."""
    whole = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if not whole:
            break
        at, length = int(rng.integers(len(whole))), int(rng.integers(1, 9))
        match int(rng.integers(7)):
            case 0:
                whole[at] ^= 1 << int(rng.integers(8))
            case 1:
                whole[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
            case 2:
                del whole[at : at + length]
            case 3:
                whole[at:at] = rng.integers(0, 256, length, np.uint8).tobytes()
            case 4:
                del whole[at:]
            case 5:
                whole[at : at + length] = bytes([int(rng.choice([0, 255]))]) * length
            case 6:
                whole[at:at] = whole[at : at + 64]
    return bytes(whole)


def outcome(path: Path) -> str:
    """How reading a file ends: "read", "refused", or what is wrong with how."""
    started = time.perf_counter()
    try:
        with open_events(path) as file:
            count = 0
            for events in file.source.upright():
                count += len(events)
                if file.source.sensor and len(events):
                    width, height = file.source.sensor
                    if events["x"].max() >= width or events["y"].max() >= height:
                        return "gave an event off the sensor"
            if 32 * path.stat().st_size < count and file.format not in ("npz", "hdf5"):
                return f"gave {count} events"  # no format has more than 32 for eight bytes
            file.source.damage.lines()
        found = "read"
    except UserError as error:
        found = "refused" if "\n" not in str(error) else f"said {error!r}"
    if time.perf_counter() - started > LONGEST_S:
        return "took too long"
    return found


def run(count: int, seed: int) -> Counter[str]:
    """Outcomes of so many damaged files; stops at the first that is wrong, and keeps the file."""
    rng, outcomes = np.random.default_rng(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        while outcomes.total() < count:
            for name, data in samples(int(rng.integers(2**31))).items():
                for _ in range(10):
                    path.write_bytes(damaged(data, rng))
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        try:
                            found = outcome(path)
                        except Exception as error:
                            found = f"raised {error!r}"
                    if found not in ("read", "refused"):
                        kept = Path(tempfile.mkstemp(suffix=f".{name}")[1])
                        kept.write_bytes(path.read_bytes())
                        raise AssertionError(f"{kept}, once {name}: {found}")
                    outcomes[found] += 1
    return outcomes


if __name__ == "__main__":
    print(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
