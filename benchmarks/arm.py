"""The C++ on ARM, with its NEON: compiled for aarch64, run by qemu, and equal to the bit?

    apt install g++-aarch64-linux-gnu qemu-user
    python benchmarks/arm.py

Calls of the library are recorded here with the memory that they found and left, made again by
`arm.cpp` on the other processor, and compared: films through engines of all weights, and every
kernel as tests/ops/fuzz_door.py calls them. Heads may contract a product and a sum into one
rounding, so that beliefs, and they alone, are compared within 1e-4.
"""

import ctypes
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from neurosvt import load, make_scenes
from neurosvt.energy import Meter
from neurosvt.engine import Engine
from neurosvt.engine.session import RECORDS, NativeSession
from neurosvt.engine.weights import Tiled
from neurosvt.live.played import frame_events
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.native import library, signatures
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.ops import native

HERE = Path(__file__).parent
NATIVE = HERE.parent / "neurosvt" / "native"
TOOLS = """set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
"""
EMULATOR = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
BELIEFS = 1e-4
"""How far beliefs may lie apart."""
TRIALS = 2000
"""Of `fuzz_door`."""


@dataclass
class Region:
    """Memory that calls read and write."""

    name: str
    address: int
    before: bytes
    after: bytes = b""
    exact: bool = True
    pointers: list[tuple[int, int]] = field(default_factory=list)
    """Where in it pointers lie, and what they hold; such memory is not compared."""


@dataclass
class Trace:
    """Calls, and all memory that they need."""

    regions: list[Region] = field(default_factory=list)
    calls: list[tuple[str, list[Any], list[float], int | None]] = field(default_factory=list)
    """Door, whole numbers (a pointer as a region and an offset), floats, answer."""

    def find(self, address: int) -> tuple[int, int]:
        """The last region that holds an address, and how far within; (-1, address) if none does."""
        for i in reversed(range(len(self.regions))):
            one = self.regions[i]
            if one.address <= address < one.address + max(len(one.before), 1):
                return i, address - one.address
        return -1, address

    def write(self, path: Path) -> None:
        numbers = lambda *x: np.array(x, np.int64).tobytes()  # noqa: E731
        slots = [
            (i, at, *self.find(target))
            for i, one in enumerate(self.regions)
            for at, target in one.pointers
        ]
        assert all(region >= 0 for _, _, region, _ in slots)
        with open(path, "wb") as out:
            out.write(numbers(len(self.regions)))
            for one in self.regions:
                out.write(numbers(len(one.before)) + one.before)
            out.write(numbers(len(slots)) + numbers(*(x for slot in slots for x in slot)))
            out.write(numbers(len(self.calls)))
            for name, whole, floats, _ in self.calls:
                out.write(numbers(len(name)) + name.encode())
                out.write(numbers(len(whole)) + numbers(*(x for pair in whole for x in pair)))
                bits = np.array(floats, np.float32).view(np.uint32)
                out.write(numbers(len(floats)) + numbers(*bits.tolist()))


def bytes_of(x: Any) -> bytes:
    """What lies in an array, a tensor or a structure."""
    if isinstance(x, Tensor):
        return x.detach().reshape(-1).view(torch.uint8).numpy().tobytes() if x.numel() else b""
    return bytes(x) if isinstance(x, ctypes.Structure | ctypes.Array) else x.tobytes()


def pointers_of(kind: Any, x: Any, at: int = 0) -> Iterator[tuple[int, int]]:
    """Where a structure holds pointers, and which."""
    if isinstance(x, ctypes.Array):
        for i, inner in enumerate(x):
            yield from pointers_of(type(inner), inner, at + i * ctypes.sizeof(inner))
        return
    for name, inner in kind._fields_:
        value, offset = getattr(x, name), at + getattr(kind, name).offset
        if inner is ctypes.c_void_p and value:
            yield offset, value
        elif isinstance(value, ctypes.Structure):
            yield from pointers_of(inner, value, offset)


def film_trace(name: str, weights: str, noise: float) -> Trace:
    """A film through an engine."""
    model = load(name).model
    assert isinstance(model, NeuroSVT)
    engine = Engine(model, weights=weights)
    session = engine.session(state_noise=noise, seed=5)
    assert isinstance(session, NativeSession)
    trace, live = Trace(), []

    def region(what: str, x: Any, exact: bool = True) -> None:
        structure = isinstance(x, ctypes.Structure | ctypes.Array)
        address = (
            ctypes.addressof(x) if structure
            else x.data_ptr() if isinstance(x, Tensor) else x.ctypes.data
        )  # fmt: skip
        one = Region(what, address, bytes_of(x), exact=exact)
        one.pointers = list(pointers_of(type(x), x)) if structure else []
        trace.regions.append(one)
        live.append((one, x))

    for i, kept in enumerate(engine.plan.kept):
        for x in (kept.weights, kept.scale, kept.run) if isinstance(kept, Tiled) else (kept,):
            region(f"model, part {i}", x)
    region("model", engine.plan.c)
    region("membranes", session._membranes)
    region("patches", session._patches)
    region("tokens", session._tokens)
    region("charge", session._charge)
    region("counts", session._counts)
    region("belief", session._answer, exact=False)
    region("session", session.c)
    scenes = make_scenes("curtain", seed=2, batch=1, seen=40, hidden=10, after=10)
    for frame in scenes.frames[:, 0]:
        events = frame_events(frame, 0)
        region("events", events)
        at = trace.find(session.address), trace.find(events.ctypes.data if len(events) else 0)
        trace.calls.append(("engine_push", [*at, (-1, len(events)), (-1, RECORDS), (-1, 1)], [], 0))
        session.push(events)
    for one, x in live:
        one.after = bytes_of(x)
    return trace


def kernel_trace(count: int) -> Trace:
    """Kernels as tests/ops/fuzz_door.py calls them, and as scenes and a training step do."""
    trace, real, loaded = Trace(), native.call, library()
    plain: list[Any] = []

    class Doors:
        def __getattr__(self, name: str) -> Any:
            def door(*arguments: Any) -> Any:
                plain[:] = [name, arguments]
                return getattr(loaded, name)(*arguments)

            return door

    def call(name: str, *arguments: Any) -> int:
        # One that is written over where it lies comes twice.
        tensors = (x for x in arguments if isinstance(x, Tensor) and x.numel())
        given = list({x.data_ptr(): x for x in tensors}.values())
        own = Trace([Region(name, x.data_ptr(), bytes_of(x)) for x in given])
        answer = real(name, *arguments)
        for one, x in zip(own.regions, given, strict=True):
            one.after = bytes_of(x)
        begun = len(trace.regions)
        trace.regions += own.regions
        door, values = plain
        signature = signatures.SIGNATURES[name]
        whole, floats = [], []
        for value, kind in zip(values, signature.c_types, strict=True):
            if isinstance(value, ctypes.Array):
                text = bytes(value)
                trace.regions.append(Region(name, 0, text, text))
                whole.append((len(trace.regions) - 1, 0))
            elif kind is ctypes.c_float:
                floats.append(float(value))
            elif kind is ctypes.c_void_p and value:
                found, offset = own.find(value)
                whole.append((begun + found if found >= 0 else -1, offset if found >= 0 else 0))
            else:
                whole.append((-1, int(value or 0)))
        trace.calls.append((door, whole, floats, answer if signature.answers else None))
        return answer

    sys.path.insert(0, str(HERE.parent))
    from tests.ops import fuzz_door

    with ExitStack() as patches:
        patches.enter_context(patch.object(native, "library", Doors))
        native._plan.cache_clear()  # it knows the doors of calls before these
        patches.callback(native._plan.cache_clear)
        for name, module in list(sys.modules.items()):
            if name.startswith("neurosvt.") and getattr(module, "call", None) is real:
                patches.enter_context(patch.object(module, "call", call))
        for seed in range(count):
            fuzz_door.one(seed, alone=False)
        frames = make_scenes("curtain", seed=2, batch=1, seen=5, hidden=3, after=2).frames
        model = NeuroSVT(NeuroSVTConfig(width=64, heads=2, memory=LeakyMemoryConfig(channels=64)))
        with Meter(model, batch_axes=2):
            belief, _ = model(torch.from_numpy(frames))
        belief.class_logits.sum().backward()
    return trace


def build(folder: Path) -> tuple[Path, Path]:
    """The library and the program that calls it, for the other processor."""
    tools = folder / "aarch64.cmake"
    tools.write_text(TOOLS, encoding="utf-8")
    compiled = folder / "library"
    for words in (
        ["cmake", "-S", NATIVE, "-B", compiled, f"-DCMAKE_TOOLCHAIN_FILE={tools}"],
        ["cmake", "--build", compiled],
        ["aarch64-linux-gnu-g++", "-std=c++17", "-O1", HERE / "arm.cpp", "-o", folder / "arm"],
    ):
        subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL)
    return next(compiled.glob("*neurosvt_kernels*")), folder / "arm"


def differing(
    trace: Trace, folder: Path, kernels: Path, program: Path, emulator: Sequence[str] = EMULATOR
) -> Counter[str]:
    """How many regions and answers are not as they were here, by what they are."""
    trace.write(folder / "trace")
    words = [*emulator, program, kernels, folder / "trace", folder / "out"]
    subprocess.run(list(map(str, words)), check=True)
    found: Counter[str] = Counter()
    with open(folder / "out", "rb") as out:
        for one in trace.regions:
            theirs = out.read(len(one.before))
            if one.pointers or theirs == one.after:
                continue
            if not one.exact:
                mine, other = (np.frombuffer(x, np.float32) for x in (one.after, theirs))
                if np.allclose(mine, other, atol=BELIEFS, rtol=BELIEFS):
                    continue
            found[one.name] += 1
        for name, _, _, answer in trace.calls:
            theirs_said = int.from_bytes(out.read(8), "little", signed=True)
            found[name] += answer is not None and theirs_said != answer
    return +found


def main() -> int:
    torch.set_num_threads(1)
    traces = {
        f"{name}, {weights}{', noise' if noise else ''}": film_trace(name, weights, noise)
        for name in ("permanence", "permanence_lif", "permanence_none")
        for weights in ("int16", "int8", "float32")
        for noise in (0.0, 0.1)
    }
    traces["kernels"] = kernel_trace(TRIALS)
    bad = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kernels, program = build(folder)
        for what, trace in traces.items():
            found = differing(trace, folder, kernels, program)
            doors = len({call[0] for call in trace.calls})
            print(f"{what}: {len(trace.calls)} calls of {doors} doors, {dict(found) or 'equal'}")
            bad |= bool(found)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
