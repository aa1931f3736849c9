"""Clips: frames that may belong to several, and coarser ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.datasets.clips import Clips, downsample


@given(first=st.lists(st.integers(0, 9), min_size=1, max_size=5), steps=st.integers(1, 4))
def test_clips_may_share_their_frames(first, steps):
    packed = np.random.default_rng(0).integers(0, 256, (13, 2, 5, 2)).astype(np.uint8)
    clips = Clips(packed, np.array(first), steps, np.zeros(len(first), int), 13)
    whole = np.unpackbits(packed, axis=-1)[..., :13].astype(bool)
    for index, start in enumerate(first):
        np.testing.assert_array_equal(clips.frames(index), whole[start : start + steps])
    several = clips.frames(np.arange(len(first)))
    assert several.shape == (len(first), steps, 2, 5, 13)
    np.testing.assert_array_equal(several[-1], clips.frames(len(first) - 1))


@pytest.mark.parametrize("block", [1, 2, 4, 8])
def test_a_block_has_an_event_where_one_of_its_pixels_has(block):
    frames = np.random.default_rng(1).random((300, 2, 8, 16)) < 0.02
    clips = Clips(np.packbits(frames, axis=-1), np.arange(300), 1, np.zeros(300, int), 16)
    small = downsample(clips, block)
    assert small.width == 16 // block
    found = small.frames(np.arange(300))[:, 0]
    assert found.shape == (300, 2, 8 // block, 16 // block)
    for row in range(8 // block):
        for column in range(16 // block):
            part = frames[..., row * block : (row + 1) * block, column * block :][..., :block]
            np.testing.assert_array_equal(found[..., row, column], part.any((2, 3)))
