"""Files of our own writers, damaged at random: each is read, or refused in one line.

python tests/formats/fuzz.py COUNT [SEED] runs it at length; test_damage.py a little of it.
"""

import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from rosbags.rosbag1 import Writer

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats import FORMATS, npz, open_events

LONGEST_S = 5.0
"""Whoever reads a kilobyte for longer hangs."""
SENSORS = {"aedat2": (240, 180), "nmnist": (34, 34)}


def samples(seed: int) -> dict[str, bytes]:
    """A small file of every format that is written, and of layouts that are only read."""
    rng, made = np.random.default_rng(seed), _others(seed)
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


def _others(seed: int) -> dict[str, bytes]:
    """Files of layouts that are only read."""
    import h5py

    rng, made = np.random.default_rng(seed), {}
    rows = np.stack([np.sort(rng.integers(0, 10**6, 60)), *rng.integers(0, 200, (2, 60))], 1)
    rows = np.concatenate([rows, rng.integers(0, 2, (60, 1))], 1)
    events = np.zeros(60, [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
    for i, name in enumerate(events.dtype.names or ()):
        events[name] = rows[:, i]
    packet = np.zeros(60, [("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("p", "u1")])
    packet["x"], packet["y"], packet["ns"] = rows[:, 1], rows[:, 2], rows[:, 0] * 1000
    head = struct.pack("<IIII3sIII", 0, 1, 2, 3, b"dvs", 200, 200, 60)
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(Path(folder) / "v2e", "w") as file:
            file["events"] = rows.astype(np.uint32)
        with h5py.File(Path(folder) / "metavision", "w") as file:
            file["CD/events"], file.attrs["geometry"] = events, "640x480"
        with h5py.File(Path(folder) / "mvsec", "w") as file:
            file["davis/left/events"] = rows[:, [1, 2, 0, 3]].astype(float)
        np.savez(Path(folder) / "timelens.npz", x=rows[:, 1], y=rows[:, 2],
                 timestamp=rows[:, 0], polarity=rows[:, 3])  # fmt: skip
        with Writer(Path(folder) / "bag") as bag:
            kind = "dvs_msgs/msg/EventArray"
            connection = bag.add_connection("/events", kind, msgdef="int32 a", md5sum="a")
            bag.write(connection, 0, head + packet.tobytes())
        for path in Path(folder).iterdir():
            made[path.name] = path.read_bytes()
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
    started = time.process_time()
    try:
        with open_events(path) as file:
            count = 0
            for events in file.source.upright():
                count += len(events)
                if file.source.sensor and len(events):
                    width, height = file.source.sensor
                    if events["x"].max() >= width or events["y"].max() >= height:
                        return "gave an event off the sensor"
            packed = file.format in ("npz", "hdf5", "aedat4", "rosbag")
            if 32 * path.stat().st_size < count and not packed:
                return f"gave {count} events"  # no format has more than 32 for eight bytes
            file.source.warnings()
        found = "read"
    except UserError as error:
        found = "refused" if "\n" not in str(error) else f"said {error!r}"
    if time.process_time() - started > LONGEST_S:
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
