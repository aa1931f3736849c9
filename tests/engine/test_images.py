"""DySViT in the engine against the model on PyTorch."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from neurosvt.bench.timing import on_threads
from neurosvt.energy.count import Meter
from neurosvt.engine import images as engine_images
from neurosvt.engine.images import ImageEngine
from neurosvt.engine.library import engine_library
from neurosvt.experiments.checkpoints import load
from neurosvt.models.dysvit import DySViT, DySViTConfig

SHAPES = {
    "a word": {"image_size": 32, "width": 64, "heads": 1, "depth": 1},
    "heads across words": {"image_size": 20, "width": 96, "heads": 4, "mlp_ratio": 1.5},
    "wide heads": {"image_size": 12, "width": 150, "heads": 2, "mlp_ratio": 1.0},
    "more tokens than a word": {"image_size": 36, "width": 40, "heads": 5, "classes": 3},
    "narrow heads": {"image_size": 12, "width": 64, "heads": 16},
    "one token": {"image_size": 5, "patch_size": 5, "width": 7, "heads": 7},
    "no norm, whole residual": {
        "image_size": 14, "patch_size": 2, "width": 33, "heads": 3, "pre_norm": False,
        "residual_scale": 1.0,
    },
}  # fmt: skip
native = pytest.mark.skipif(engine_library() is None, reason="no compiler")


@pytest.fixture(params=SHAPES)
def model(request):
    return trained(**SHAPES[request.param])


def trained(**settings):
    """With norms that fit its currents, so that every layer fires."""
    torch.manual_seed(1)
    settings = {"depth": 2, "classes": 10, "nan_guard": False} | settings
    model = DySViT(config=DySViTConfig(**settings))
    for part in model.neurons().values():
        part.momentum = 1.0
    with torch.no_grad():
        for part in model.neurons().values():
            if part.learns:
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(-0.5, 1.2)
        model.train()(images(model, 64, seed=2))
    return model.eval()


def images(model, count, seed=0):
    side = model.config.image_size
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def agree(found, wanted):
    """Sums in another order let a neuron at its threshold decide otherwise, in few images."""
    apart = (found - wanted).abs().amax(1)
    assert (apart <= 1e-4).float().mean() >= 0.9


@native
@pytest.mark.parametrize("count", [1, 2, 21])
def test_the_engine_says_what_the_model_says(model, level, count):
    x = images(model, count)
    with torch.no_grad():
        agree(ImageEngine(model)(x), model(x))


@native
def test_features_of_a_batch_are_those_of_its_images(model):
    engine, x = ImageEngine(model), images(model, 11)
    alone = torch.cat([engine.features(one[None]) for one in x])
    assert torch.equal(engine.features(x), alone)


@native
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_without_the_library_the_same_is_computed_on_pytorch(model, level, weights, monkeypatch):
    x = images(model, 20)
    said = ImageEngine(model, weights)(x)
    monkeypatch.setattr(engine_images, "engine_library", lambda: None)
    plain = ImageEngine(model, weights)
    agree(said, plain(x))
    with pytest.raises(ValueError, match="only the library counts"):
        plain.count(x)


@native
@pytest.mark.parametrize("share", [0.02, 0.6])
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_products_agree_however_much_fires(share, weights, level, monkeypatch):
    """Rows are gathered where few fire, and looked up in tables where many do."""
    model = trained(image_size=16, width=320, heads=5, depth=1)
    x = images(model, 20)
    with torch.no_grad():
        for part in model.neurons().values():
            part.weight.fill_(1)
            part.bias.fill_(1 + torch.distributions.Normal(0, 1).icdf(torch.tensor(share)))
        model.train()(x)
        model.eval()
    native = ImageEngine(model, weights)
    fired = Meter(native.plain)
    with fired, torch.no_grad():
        wanted = native.plain(x)
    done = fired.layers["blocks.0.fire_attention"]
    assert done.spikes / done.comparisons == pytest.approx(share, abs=0.1)
    agree(native(x), wanted)


@native
def test_counts_are_those_of_the_meter(model):
    x = images(model, 3)
    x[0] = (x[0] > 0).float()  # pixels that are spikes make additions
    engine = ImageEngine(model)
    with Meter(model.deployed()) as meter, torch.no_grad():
        said = meter.model(x)
    agree(engine(x), said)
    found = engine.count(x)
    assert found == {name: done for name, done in meter.layers.items() if done}
    assert sum(done.acs for done in found.values()) > 0


@native
def test_the_shipped_model_is_counted_as_the_meter_counts_it():
    model = load("dysvit").model.deployed()
    for block in model.blocks:
        block.guard = False
    x = images(model, 1)
    with Meter(model) as meter, torch.no_grad():
        said = model(x)
    engine = ImageEngine(model)
    assert engine.count(x) == dict(meter.layers)
    torch.testing.assert_close(engine(x), said, rtol=0, atol=1e-4)


@native
def test_as_many_threads_as_pytorch_has_change_nothing(model):
    engine, x, said = ImageEngine(model), images(model, 13), []
    for threads in (1, 2, 5):
        with on_threads(threads):
            said.append(engine.features(x))
    assert torch.equal(said[0], said[1])
    assert torch.equal(said[0], said[2])


@native
def test_callers_in_several_threads_share_an_engine():
    model = trained(image_size=20, width=96, heads=4)
    engine, x = ImageEngine(model), images(model, 4)
    right = engine(x)
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(said, right) for said in pool.map(engine, [x] * 8))


def test_a_pixel_that_is_no_number_spoils_its_own_image_alone(level):
    model = trained(image_size=8, width=16, heads=2)
    x = images(model, 3)
    x[1, 0, 5, 5], x[2, 1, 0, 0] = torch.nan, torch.inf
    said = ImageEngine(model)(x)
    assert said.isnan().any(1).tolist() == [False, True, False]
    with torch.no_grad():
        agree(said[[0, 2]], model(x[[0, 2]]))


@pytest.mark.parametrize("seen_by", ["a hook", "the guard"])
def test_what_pytorch_alone_knows_is_left_to_it(seen_by):
    model, heard = trained(image_size=8, width=16, heads=2), []
    if seen_by == "a hook":
        model.fire.register_forward_hook(lambda *_: heard.append(1))
    else:
        model.blocks[0].guard = True
        model.blocks[0].contract.weight.data[3] = torch.nan
    x = images(model, 2)
    engine = ImageEngine(model)
    with torch.no_grad():
        assert torch.equal(engine(x), model.deployed()(x))
    assert len(heard) == (2 if seen_by == "a hook" else 0)
    with pytest.raises(ValueError, match="only the library counts"):
        engine.count(x)


def test_training_further_changes_nothing():
    model = trained(image_size=8, width=16, heads=2)
    engine, x = ImageEngine(model), images(model, 3)
    before = engine(x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    assert torch.equal(engine(x), before)


def test_any_layout_and_no_images_at_all():
    model = trained(image_size=8, width=16, heads=2)
    engine, x = ImageEngine(model), images(model, 4)
    assert torch.equal(engine(x.to(memory_format=torch.channels_last)), engine(x))
    assert torch.equal(engine(x[::2]), engine(x)[::2])
    assert engine(x[:0]).shape == (0, 10)


def test_a_head_put_in_by_hand_answers():
    model = trained(image_size=8, width=16, heads=2)
    model.head = torch.nn.Sequential(torch.nn.Linear(16, 3), torch.nn.Tanh())
    x = images(model, 5)
    engine = ImageEngine(model)
    assert engine.num_classes == model.num_classes
    with torch.no_grad():
        agree(engine(x), model(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :2], "three colours of 8 x 8 pixels"),
        (lambda x: x.double(), "images are float64, the model is float32"),
        (lambda x: x[0], r"images must be \(B, 3, 8, 8\)"),
    ],
)
def test_bad_images_are_one_line(change, message):
    model = trained(image_size=8, width=16, heads=2)
    with pytest.raises(ValueError, match=message) as error:
        ImageEngine(model)(change(images(model, 2)))
    assert "\n" not in str(error.value)


def test_bad_models_are_one_line():
    model = trained(image_size=8, width=16, heads=2)
    with pytest.raises(ValueError, match="weights 'int4' are unknown; choose float32 or int8"):
        ImageEngine(model, "int4")
    with pytest.raises(ValueError, match=r"takes a float32 model on the CPU, got torch\.float64"):
        ImageEngine(copy.deepcopy(model).double())
    with pytest.raises(ValueError, match="takes a DySViT, got Linear"):
        ImageEngine(torch.nn.Linear(2, 2))
