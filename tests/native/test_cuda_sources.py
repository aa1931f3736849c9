"""The kernels for GPUs compile, for every GPU and without one; every op's kernel is among them."""

import re
from pathlib import Path

import pytest

from neurosvt.native.cuda import sources
from neurosvt.native.signatures import SIGNATURES
from neurosvt.ops import gpu
from tests.native import nvrtc

ENDS = (min(sources.ARCHITECTURES), max(sources.ARCHITECTURES))


@pytest.mark.skipif(nvrtc.library() is None, reason="NVIDIA's compiler is not installed")
@pytest.mark.parametrize("file", sources.files())
@pytest.mark.parametrize(
    "architecture",
    [n if n in ENDS else pytest.param(n, marks=pytest.mark.slow) for n in sources.ARCHITECTURES],
)
def test_every_text_compiles_without_a_remark(file, architecture):
    binary, names, log = nvrtc.compiled(file, architecture)
    assert binary.startswith(b"\x7fELF")
    assert len({*names}) == len(sources.instances(file))
    for name in names:
        assert name.encode() in binary
    assert "warning #" not in log


def test_a_text_that_does_not_compile_is_seen(monkeypatch):
    if nvrtc.library() is None:
        pytest.skip("NVIDIA's compiler is not installed")
    text = sources.source("memory.cu").replace("float now", "flaot now")
    monkeypatch.setattr(sources, "source", lambda file: text)
    with pytest.raises(AssertionError, match="flaot"):
        nvrtc.compiled("memory.cu", 90)


def test_every_kernel_is_compiled_for_all_its_types_and_started_by_some_door():
    kernels = {kernel for kernel, _ in sources.homes()}
    doors = Path(gpu.__file__).read_text(encoding="utf-8")
    started = {*re.findall(r'_start\(\s*a,\s*"(\w+)"', doors)}
    assert kernels == started
    assert gpu.DOORS.keys() <= SIGNATURES.keys()
    for name in gpu.DOORS:
        kinds = {kind for kernel, kind in sources.homes() if kernel == name}
        assert kinds == ({*sources.CUDA_TYPES} if "bf16" in SIGNATURES[name].kinds else {"f32"})


def test_a_text_holds_its_headers_once_and_asks_for_none():
    for file in sources.files():
        text = sources.source(file)
        assert "#include" not in text
        assert text.count("#define INLINE") == 1


def test_runs_of_rows_are_as_long_here_as_there():
    from neurosvt.ops.batchnorm_spike import BLOCK

    (run,) = re.findall(r"RUN = (\d+)", sources.source("scale.cu"))
    assert int(run) == gpu.RUN == BLOCK
    (warp,) = re.findall(r"WARP = (\d+)", sources.source("scale.cu"))
    assert int(warp) == gpu.WARP
