"""Tracks as the memory of a model keeps them."""

import pytest
import torch

from neurosvt import load, make_scenes
from neurosvt.nn import tracks


@pytest.mark.parametrize(("asked", "kept"), [(4, 16), (8, 16), (16, 16), (32, 32)])
def test_a_memory_of_few_bits_keeps_its_tracks_in_sixteen(asked, kept, monkeypatch):
    told = []
    fitted = tracks.fitted_tracks

    def spy(*given):
        told.append(given[-1])
        return fitted(*given)

    monkeypatch.setattr(tracks, "fitted_tracks", spy)
    model = load("permanence").model
    scenes = make_scenes("tunnel", seed=3, batch=2, seen=8, hidden=6, after=0)
    with torch.no_grad():
        model(torch.from_numpy(scenes.frames), state_bits=asked)
    assert set(told) == {kept}
