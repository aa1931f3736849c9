"""What CuPy is asked for, by a stand-in that writes it down."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from neurosvt.native.cuda import launching, sources


class StandInForCuPy:
    """Modules, streams and devices, and who was entered when a kernel was started."""

    def __init__(self, newer):
        self.entered, self.started, self.modules = [], [], []
        stream = SimpleNamespace()
        if newer:
            stream.from_external = lambda s: self.context("stream", s.__cuda_stream__()[1])
        self.cuda = SimpleNamespace(
            Device=lambda index: self.context("device", index),
            Stream=stream,
            ExternalStream=lambda address, device: self.context("stream", address),
        )

    @contextmanager
    def context(self, *what):
        self.entered.append(what)
        yield
        self.entered.remove(what)

    def RawModule(self, code, options, name_expressions):
        self.modules.append(code)
        assert options == sources.OPTIONS

        def get(name):
            assert name in name_expressions
            return lambda grid, block, args: self.started.append(
                (name, grid, block, args, [*self.entered])
            )

        return SimpleNamespace(get_function=get)


@pytest.fixture(params=[True, False], ids=["cupy 14", "older"])
def cupy(request, monkeypatch):
    made = StandInForCuPy(request.param)
    caches = (launching._followed, launching._module, launching._compiled)
    monkeypatch.setattr(launching, "_cupy", lambda: made)
    # A context that is used once, where the real ones are kept.
    monkeypatch.setattr(launching, "_followed", launching._followed.__wrapped__)
    stream = SimpleNamespace(cuda_stream=0x77, device_index=1)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    for cached in caches:
        cached.cache_clear()
    yield made
    for cached in caches:
        cached.cache_clear()


def test_a_kernel_gets_addresses_and_numbers_of_its_own_width(cupy):
    x, there = torch.zeros(3), torch.device("cuda", 1)
    launching.launch("scale_rows", "bf16", 129, there, (x, None, 7, 0.5, True))
    launching.launch("scale_rows", "bf16", 1, there, (x,))
    (name, grid, block, args, entered), (_, small, *_) = cupy.started
    assert name == "scale_rows<bf16>"
    assert (grid, block, small) == ((2,), (launching.BLOCK_THREADS,), (1,))
    assert [(type(a), a) for a in args] == [
        (np.uint64, x.data_ptr()), (np.uint64, 0), (np.int64, 7), (np.float32, 0.5), (np.int64, 1),
    ]  # fmt: skip
    assert entered == [("device", 1), ("stream", 0x77)]
    assert cupy.modules == [sources.source("scale.cu")], "compiled once"
