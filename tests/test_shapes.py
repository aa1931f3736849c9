"""Shapes in signatures are checked while the tests run, by the hook that conftest.py installs."""

from importlib import import_module

import pytest
import torch
from jaxtyping import TypeCheckError

from neurosvt.ops.scale import scale_by_rms
from tests.conftest import SHAPED


@pytest.mark.parametrize(
    "gain",
    [torch.ones(5), torch.ones(4, 1), torch.ones(4, dtype=torch.long), [1.0] * 4],
    ids=["longer", "deeper", "whole numbers", "no tensor"],
)
def test_a_call_that_breaks_its_signature_is_told(gain):
    with pytest.raises(TypeCheckError, match="gain"):
        scale_by_rms(torch.ones(3, 4), gain, 1e-5)


@pytest.mark.parametrize("name", SHAPED)
def test_no_module_was_imported_before_the_hook(name):
    assert "jaxtyping" in type(import_module(name).__loader__).__module__
