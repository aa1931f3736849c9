"""What the hardware computes in, and what `amp` makes of it."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from neurosvt.config import ConfigError, build
from neurosvt.native import processor
from neurosvt.ops import precision
from neurosvt.ops.precision import half_type, products_in
from neurosvt.training.images import ImageTrainConfig
from neurosvt.training.settings import TrainConfig


@pytest.fixture
def having(monkeypatch):
    """having(names): on a processor with these instructions, whose products PyTorch supports."""

    def pretend(*names, supported=True):
        monkeypatch.setattr(processor, "capabilities", lambda: dict.fromkeys(names, True))
        monkeypatch.setattr(processor, "_onednn_takes_bfloat16", lambda: supported)

    return pretend


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_with_the_instruction_multiplies_bfloat16(name, having):
    having("avx2", name)
    assert processor.multiplies_bfloat16()
    assert half_type("auto", "cpu") is torch.bfloat16
    with products_in("auto", "cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("names", [(), ("avx2",), ("avx2", "avx512_f", "avx512_vnni")], ids=str)
def test_emulation_is_no_support_and_auto_stays_in_float32(names, having):
    """PyTorch says that it supports bfloat16 wherever there is AVX-512."""
    having(*names)
    assert not processor.multiplies_bfloat16()
    with products_in("auto", "cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_instructions_that_the_library_of_products_leaves_unused_do_not_count(having):
    having("amx_bf16", supported=False)
    assert not processor.multiplies_bfloat16()


@pytest.mark.parametrize("name", ["avx_vnni", "avx512_vnni", "amx_int8", "dot"])
def test_dot_products_of_bytes_are_an_instruction(name, having):
    having("avx2", name)
    assert processor.multiplies_bytes()
    having("avx2", "avx512_f", "avx512_bf16")
    assert not processor.multiplies_bytes()


@pytest.mark.parametrize("emulated", [True, False])
def test_a_gpu_is_asked_without_emulation(emulated, monkeypatch):
    asked = []

    def supported(including_emulation=True):
        asked.append(including_emulation)
        return including_emulation or not emulated

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    assert processor.multiplies_bfloat16("cuda:0") is not emulated
    assert asked == [False]


def test_of_another_device_nothing_is_believed():
    assert not processor.multiplies_bfloat16("meta")


def test_without_the_newer_question_the_older_ones_are_asked(monkeypatch):
    newer = processor.capabilities()
    asked = {
        "_is_avx2_supported": True, "_is_avx512_supported": True, "_is_vnni_supported": True,
        "_is_avx512_bf16_supported": False, "_is_amx_tile_supported": True,
    }  # fmt: skip
    old = SimpleNamespace(**{name: partial(bool, there) for name, there in asked.items()})
    monkeypatch.setattr(processor.torch, "cpu", old)
    older = processor.capabilities.__wrapped__()
    assert older["amx_bf16"]
    assert not older["avx512_bf16"]
    assert processor.capabilities() is newer


@pytest.mark.parametrize("amp", [True, False])
def test_who_says_so_gets_it_whatever_the_hardware_has(amp, monkeypatch):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: not amp)
    assert half_type(amp, "cpu") is (torch.bfloat16 if amp else None)


@pytest.mark.parametrize("amp", ["auto", True])
@pytest.mark.parametrize("newer", [True, False])
def test_gpus_from_before_bfloat16_compute_in_float16(amp, newer, monkeypatch):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: newer)
    assert half_type(amp, "cuda") is (torch.bfloat16 if newer else torch.float16)
    assert half_type(False, "cuda") is None
    assert half_type("float16", "cuda") is torch.float16


@pytest.mark.parametrize("config", [TrainConfig, ImageTrainConfig])
def test_settings_take_what_there_is_and_nothing_else(config):
    assert config().amp == "auto"
    for amp in ("auto", True, False, "bfloat16", "float16"):
        assert build(config, {"amp": amp}).amp == amp
    with pytest.raises(ConfigError, match=r"amp must be true or .*, 'float16'; got 'fp16'"):
        build(config, {"amp": "fp16"})
