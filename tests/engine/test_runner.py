"""What is judged in the engine is judged as the model is."""

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.engine.library import engine_library
from neurosvt.engine.runner import InEngine
from neurosvt.nn.leaky_memory import LeakyMemoryConfig

pytestmark = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")


FOLLOWS = LeakyMemoryConfig(channels=12, write_gates=3, tracks=2)


@pytest.mark.parametrize("memory", ["leaky", FOLLOWS], ids=["channels", "tracks"])
@pytest.mark.parametrize("options", [{}, {"frame_ms": 5.0}], ids=str)
def test_weights_of_16_bits_believe_what_the_model_on_its_grid_believes(
    options, memory, make, events, run
):
    model, frames = make(memory), events(steps=30, batch=3, share=0.06)
    right = run(model.on_grid(), frames, **options)
    judged = InEngine(model, "int16")
    _, state = judged(frames[:11], **options)
    said, state = judged(frames[11:], state, **options)
    assert right.charge.any()
    assert torch.equal(state.memory, right.state.memory)
    for one, two in zip(said, right.belief, strict=True):
        torch.testing.assert_close(one, two[11:], atol=2e-5, rtol=1e-5)


def test_weights_of_8_bits_are_other_weights(make, events):
    frames = events(steps=30, batch=3, share=0.06)
    states = [InEngine(make(), kind)(frames)[1] for kind in ("int16", "int8")]
    assert not torch.equal(states[0].memory, states[1].memory)


def test_weights_that_there_are_none_of_are_refused(make):
    with pytest.raises(UserError, match="int4"):
        InEngine(make(), "int4")
