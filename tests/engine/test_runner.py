"""What is judged in the engine is judged as the model is."""

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.engine.library import engine_library
from neurosvt.engine.runner import InEngine
from neurosvt.permanence.evaluate import beliefs
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes

pytestmark = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")


@pytest.fixture(scope="module")
def scenes():
    config = SceneConfig(size=32)
    return make_scenes("blackout", seed=1, batch=3, seen=90, hidden=5, after=3, config=config)


@pytest.mark.parametrize("options", [{}, {"frame_ms": 5.0}], ids=str)
def test_weights_of_16_bits_believe_what_the_model_on_its_grid_believes(options, make, scenes):
    model = make(image_size=32, warmed=False)
    right = beliefs(model.on_grid(), scenes, **options)
    said = beliefs(InEngine(model, "int16"), scenes, **options)
    assert not torch.equal(right.class_logits[0], right.class_logits[-1])
    torch.testing.assert_close(said.class_logits, right.class_logits, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(said.position, right.position, atol=2e-5, rtol=1e-5)


def test_kinds_of_weights_believe_other_things(make, scenes):
    said = [
        beliefs(InEngine(make(image_size=32, warmed=False), kind), scenes).class_logits
        for kind in ("int16", "int8")
    ]
    assert not torch.equal(*said)


def test_weights_that_there_are_none_of_are_refused(make):
    with pytest.raises(UserError, match="int4"):
        InEngine(make(), "int4")
