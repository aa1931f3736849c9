"""Sensors that are no squares: definition, rows and engine agree, and what does not fit says so."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from neurosvt.config import UserError
from neurosvt.engine import Engine
from neurosvt.engine.fixed_plan import FixedPlan
from neurosvt.engine.library import engine_library
from neurosvt.events.recording import pack_events
from neurosvt.export.neurosvt_split import split_neurosvt
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.neurosvt_dense import NeuroSVTDense
from neurosvt.models.resized import stretched, weights_for
from neurosvt.models.vit import vit_tiny_of
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.sides import Sides

WIDE, HIGH = (24, 16), (16, 24)
MEMORY = LeakyMemoryConfig(channels=12, write_gates=3, tracks=2, forget_range=(0.1, 0.8))
WAVES = replace(MEMORY, read_waves=4)


@pytest.fixture
def shaped(make):
    def build(size, grid=False, memory=MEMORY):
        return make(image_size=size, memory=memory, least_events=1, grid=grid)

    return build


@pytest.mark.parametrize("size", [WIDE, HIGH])
def test_rows_are_the_definition(shaped, events, size):
    model, frames = copy.deepcopy(shaped(size)).double(), events(share=0.08, size=size)
    belief, state = model(frames)
    dense, (*_, memory) = NeuroSVTDense(model)(frames)
    assert state.memory.any()
    torch.testing.assert_close(state.memory, memory, atol=1e-6, rtol=1e-6)
    for found, right in zip(belief, dense, strict=True):
        torch.testing.assert_close(found, right, atol=1e-6, rtol=1e-6)


@pytest.mark.skipif(engine_library() is None, reason="the engine was not built")
@pytest.mark.parametrize("memory", [MEMORY, WAVES], ids=["places", "waves"])
@pytest.mark.parametrize("size", [WIDE, HIGH])
def test_the_engine_is_the_model(shaped, events, size, memory):
    model, frames = shaped(size, grid=True, memory=memory), events(share=0.08, size=size)
    belief, state = model(frames)
    engine = Engine(model)
    found, left = engine(frames)
    assert torch.equal(left.memory, state.memory)
    assert torch.equal(left.embed, state.embed)
    torch.testing.assert_close(found.position, belief.position, atol=1e-5, rtol=0)
    # Records go where the frame's pixels are.
    session = engine.session()
    for frame in frames[:, 0].numpy():
        p, y, x = frame.nonzero()
        session.push(pack_events(np.zeros(len(p), np.int64), x, y, p))
    assert torch.equal(session.state().memory[0], state.memory[0])


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_what_lies_off_the_sensor_is_refused(shaped, backend):
    session = Engine(shaped(WIDE, grid=True), backend=backend).session()
    session.push(pack_events([0], [23], [15], [1]))
    for x, y in ((24, 0), (0, 16), (15, 23)):
        with pytest.raises(ValueError, match="off the sensor of 24 x 16 pixels"):
            session.push(pack_events([0], [x], [y], [1]))
    with pytest.raises(ValueError, match=r"a frame \(2, 16, 24\); got bool \(2, 24, 16\)"):
        session.push(np.zeros((2, 24, 16), bool))
    assert session.steps == 1


def test_frames_of_the_other_shape_are_refused(shaped, events):
    with pytest.raises(ValueError, match=r"frames must be \(T, B, 2, 16, 24\)"):
        shaped(WIDE)(events(size=HIGH))


def test_every_side_holds_whole_patches():
    assert NeuroSVTConfig(image_size=(88, 72)).grid == (11, 9)
    with pytest.raises(ValueError, match="image_size 260 is not a multiple of patch_size 8"):
        NeuroSVTConfig(image_size=(344, 260))
    with pytest.raises(ValueError, match="image_size must be a number above 0"):
        NeuroSVTConfig(image_size=(88, 0))


def test_what_knows_squares_alone_says_so(shaped):
    model = shaped(WIDE, grid=True)
    for make, what in (
        (lambda: vit_tiny_of(model.config), "ViT-Tiny"),
        (lambda: FixedPlan(model, 8), "the engine in whole numbers"),
        (lambda: split_neurosvt(model), "this form"),
    ):
        with pytest.raises(UserError, match=f"{what} is for square sensors.*24 x 16"):
            make()


@pytest.mark.parametrize("memory", [MEMORY, WAVES], ids=["places", "waves"])
@pytest.mark.parametrize("first_memory", [MEMORY, WAVES], ids=["of places", "of waves"])
@pytest.mark.parametrize("size", [16, WIDE])
def test_a_model_goes_on_on_another_sensor(make, memory, first_memory, size):
    first = make(memory=first_memory)
    model = NeuroSVT(NeuroSVTConfig(**{**vars(first.config), "memory": memory, "image_size": size}))
    model.load_state_dict(weights_for(model, first))
    own, before = model.memory.read.own, first.memory.read.own
    assert own.shape[0] == model.config.patches
    # In the mean over all places it reads as before; cosines leave out what is finer.
    torch.testing.assert_close(own.mean(0), before.mean(0), atol=0.02, rtol=0)
    if size == 16 and (memory is first_memory or first_memory is WAVES):
        torch.testing.assert_close(own, before, atol=1e-5, rtol=1e-5)


def test_what_grows_from_left_to_right_still_does():
    ramp = torch.arange(4.0).repeat(4)[:, None].expand(16, 3)
    rows = stretched(ramp, Sides.of(4), Sides(8, 4)).view(4, 8, 3)
    assert (rows.diff(dim=1) >= 0).all()
    assert not rows.diff(dim=0).any()
    assert (rows.min(), rows.max()) == (0, 3)


def test_waves_do_not_grow_with_the_sensor(make):
    small, large = (make(memory=WAVES, image_size=size) for size in (16, (48, 32)))
    for model in (small, large):
        read = [p for name, p in model.named_parameters() if name.startswith("memory.read")]
        assert sum(p.numel() for p in read) == (10 + 1) * 16 * 29 + 29
    assert large.config.patches == 6 * small.config.patches


def test_waves_learn_and_are_saved(make, events, tmp_path):
    model = copy.deepcopy(make(memory=WAVES, image_size=WIDE, least_events=1)).train()
    belief, _ = model(events(share=0.08, size=WIDE))
    belief.class_logits.square().sum().backward()
    assert model.memory.read.parametrizations.own.original.grad.any()
    frames = events(share=0.08, size=WIDE, seed=4)
    for saved in (model.eval(), model.on_grid()):
        saved.save_pretrained(tmp_path / str(saved.folded))
        again = NeuroSVT.from_pretrained(tmp_path / str(saved.folded))
        assert torch.equal(again(frames)[0].position, saved(frames)[0].position)
