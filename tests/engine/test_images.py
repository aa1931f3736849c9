"""The image engine is the deployed DySViT: the same scores, in whatever is computed."""

import copy
import threading
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neurosvt.config import UserError
from neurosvt.engine import ImageEngine
from neurosvt.engine.library import engine_library
from neurosvt.models.dysvit import DySViT, DySViTConfig

needs_engine = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")

FORMS = {
    "narrow": {"width": 16, "heads": 2, "depth": 2},
    "odd": {"width": 72, "heads": 3, "depth": 1, "mlp_ratio": 1.5, "residual_scale": 1.0},
    "wide": {"width": 128, "heads": 2, "depth": 2, "mlp_ratio": 2.0},
    "one head": {"width": 128, "heads": 1, "depth": 1, "patch_size": 8, "mlp_ratio": 1.0},
    "plain": {"width": 16, "heads": 4, "depth": 1, "pre_norm": False, "nan_guard": False},
    "many": {"width": 192, "heads": 3, "depth": 1, "image_size": 32, "mlp_ratio": 2.0},
    "large": {"width": 16, "heads": 1, "depth": 1, "image_size": 48, "classes": 3},
}


def made(form):
    """A small model of its own whose layers all fire, neither never nor always."""
    torch.manual_seed(0)
    return copy.deepcopy(trained(form))


@cache
def trained(form):
    model = DySViT(config=DySViTConfig(**{"image_size": 16, **FORMS[form]}))
    for part in model.neurons().values():
        if part.learns:
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, 0.0, 0.6)
            part.momentum = 0.5
    for _ in range(10):  # running moments of what the layers see
        model.train()(images(model, 8))
    return model.eval()


def images(model, count):
    return torch.randn(count, 3, model.config.image_size, model.config.image_size)


@torch.no_grad()
def scores(model, seen):
    return model(seen)


def assert_same(logits, right):
    torch.testing.assert_close(logits, right, atol=1e-4, rtol=0)
    assert torch.equal(logits.argmax(1), right.argmax(1))


@needs_engine
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_the_model(form, count, level):
    model = made(form)
    seen = images(model, count)
    right = scores(model, seen)
    engine = ImageEngine(model, backend="native")
    assert_same(engine(seen), right)
    assert right.std(1).min() > 0


@needs_engine
@pytest.mark.parametrize("form", ["odd", "wide", "many", "large"])
def test_bytes_give_the_scores_of_the_model_rounded_to_them(form, level):
    model = made(form)
    seen = images(model, 5)
    right = ImageEngine(model, weights="int8", backend="torch")(seen)
    assert_same(ImageEngine(model, weights="int8", backend="native")(seen), right)
    exact = scores(model, seen)
    assert 0 < (right - exact).abs().mean() < 0.5 * exact.std()


@needs_engine
def test_every_layer_counts_the_spikes_that_it_has_in_the_model():
    model = made("odd")
    seen, spikes = images(model, 3), []
    for part in model.neurons().values():
        part.register_forward_hook(lambda _, x, out: spikes.append(out.unflatten(0, (3, -1))))
    scores(model, seen)
    counted = ImageEngine(made("odd")).spikes(seen)
    assert torch.equal(counted, torch.stack([s.sum((1, 2)) for s in spikes], 1).long())
    assert counted.all()


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_the_engine_does_not_follow_its_model(backend):
    model = made("narrow")
    seen = images(model, 2)
    engine = ImageEngine(model, backend=backend)
    before = engine(seen)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert torch.equal(engine(seen), before)
    assert before.any()


@needs_engine
@given(count=st.integers(0, 7), threads=st.integers(1, 3))
def test_images_are_judged_one_by_one_on_any_number_of_threads(count, threads):
    model = made("narrow")
    engine, seen, before = ImageEngine(model), images(model, count), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = engine(seen)
    finally:
        torch.set_num_threads(before)
    assert together.shape == (count, 10)
    for one, said in zip(seen, together, strict=True):
        assert torch.equal(engine(one[None])[0], said)


@needs_engine
def test_threads_share_an_engine():
    model = made("wide")
    engine, seen = ImageEngine(model), images(model, 4)
    right, said = engine(seen), {}
    threads = [
        threading.Thread(target=lambda i=i: said.update({i: engine(seen)})) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(said[i], right) for i in range(4))


@needs_engine
def test_a_pixel_that_is_no_number_spoils_its_own_image_alone():
    model = made("narrow")
    seen = images(model, 3)
    seen[1, 0, 5, 5] = torch.nan
    said = ImageEngine(model)(seen)
    assert torch.equal(said.isnan().any(1), torch.tensor([False, True, False]))
    assert_same(said[[0, 2]], scores(model, seen[[0, 2]]))
    assert scores(model, seen[[1]]).isnan().all()


@needs_engine
def test_images_of_any_stride_are_taken():
    model = made("narrow")
    seen = images(model, 2)
    strided = seen.contiguous(memory_format=torch.channels_last)
    assert torch.equal(ImageEngine(model)(strided), ImageEngine(model)(seen))


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(1, 3, 16, 17),
        torch.zeros(3, 16, 16),
        torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(wrong, backend):
    engine = ImageEngine(made("narrow"), backend=backend)
    with pytest.raises(ValueError, match="images") as error:
        engine(wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"weights": "int4"}, "float32 or int8, got 'int4'"),
        ({"backend": "cuda"}, "auto, native or torch, got 'cuda'"),
    ],
)
def test_unknown_settings_are_named(settings, says):
    with pytest.raises(UserError, match=says):
        ImageEngine(made("narrow"), **settings)
    with pytest.raises(UserError, match="got a Linear"):
        ImageEngine(nn.Linear(2, 2))


@needs_engine
def test_a_model_that_the_kernels_do_not_know_runs_on_pytorch():
    model = made("narrow")
    model.head = nn.Sequential(nn.Linear(16, 10), nn.ReLU())
    engine, seen = ImageEngine(model), images(model, 2)
    assert engine.backend == "torch"
    assert torch.equal(engine(seen), scores(model, seen))
    with pytest.raises(UserError, match="its head is a Sequential"):
        ImageEngine(model, backend="native")
