import copy
import inspect

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

from neurosvt.models.dysvit import DySViT, DySViTConfig

SMALL = {"image_size": 12, "patch_size": 4, "width": 24, "depth": 2, "heads": 3, "mlp_ratio": 2.0}


def small(backend="auto", **settings):
    torch.manual_seed(0)
    model = DySViT(config=DySViTConfig(**SMALL | settings), backend=backend)
    for part in model.neurons().values():
        part.momentum = 1.0  # so that one batch is enough to normalise the next
    with torch.no_grad():
        model.train()(torch.randn(64, 3, 12, 12))
    return model


def images(count=5, seed=1):
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed))


def test_the_published_constructor():
    model = DySViT(num_classes=10, dim=256, depth=4)
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert model.deployed().parameter_count() <= 3_300_000


@pytest.mark.parametrize("slope", ["token", "layer", 2.0])
def test_linear_layers_between_embedding_and_head_see_spikes_alone(slope):
    model, seen = small(slope=slope), []
    for name, part in model.named_modules():
        if isinstance(part, nn.Linear) and name != "head" and ".slope." not in name:
            part.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    for mode in (True, False):
        model.train(mode)(images())
    assert len(seen) == 2 * 4 * SMALL["depth"]
    for spikes in seen:
        assert ((spikes == 0) | (spikes == 1)).all()
        assert 0 < spikes.mean() < 0.6


def test_attention_adds_up_whole_numbers():
    model = small().eval()
    block = model.blocks[0]
    qkv = (torch.rand(5 * 9, 72) < 0.4).float()
    mixed = block.mix(qkv)
    assert torch.equal(mixed, mixed.round())
    q, k, v = qkv.reshape(5, 9, 3, 3, 8).permute(2, 0, 3, 1, 4).double()
    by_hand = (q @ k.mT @ v).transpose(1, 2).reshape(45, 24)
    assert torch.equal(mixed.double(), by_hand)


def test_the_only_convolution_is_the_patch_embedding():
    kinds = [type(m) for m in small().modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    assert kinds == [nn.Conv2d]
    assert small().embed.kernel_size == small().embed.stride == (4, 4)


def test_neighbours_in_the_batch_do_not_matter():
    model = small().double().eval()
    together = model(images().double())
    for i, image in enumerate(images().double()):
        torch.testing.assert_close(model(image[None])[0], together[i])


def test_the_deployed_network_says_the_same_without_slopes():
    model = small().eval()
    plain = model.deployed()
    assert not [name for name in plain.state_dict() if ".slope." in name]
    assert torch.equal(plain(images()), model(images()))
    assert plain.parameter_count() < model.parameter_count()


def test_slopes_are_told_for_every_token_of_every_layer():
    model = small().eval()
    nn.init.normal_(model.blocks[1].fire_hidden.slope.answer.weight)
    slopes = model.slopes(images())
    assert list(slopes) == list(model.neurons())
    assert all(found.shape == (5, 9) for found in slopes.values())
    assert len(slopes["blocks.1.fire_hidden"].unique()) > 1
    assert (slopes["blocks.0.fire_hidden"] == 3).all()


@pytest.mark.parametrize("slope", ["token", "layer", 2.0])
@pytest.mark.parametrize("settings", [{}, {"pre_norm": False}], ids=["norm", "no norm"])
def test_kernels_learn_what_the_definition_learns(slope, settings):
    found = {}
    for backend in ("auto", "reference"):
        model = small(backend, slope=slope, **settings).train()
        loss = model(images(33)).square().mean()
        loss.backward()
        found[backend] = loss, {n: p.grad for n, p in model.named_parameters()}
    torch.testing.assert_close(found["auto"], found["reference"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_to_look_at_slopes_changes_nothing(training):
    model = small().train(training)
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    slopes = model.slopes(images())
    with pytest.raises(ValueError, match="three colours"):
        model.slopes(images()[..., :8])
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert all(part.training == training for part in model.modules())
    assert not any(part._forward_pre_hooks for part in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(s, model.slopes(images())[n]) for n, s in slopes.items())


def test_slopes_in_training_are_those_that_are_trained_with():
    model, used = small().train(), {}
    for name, part in model.neurons().items():
        nn.init.normal_(part.slope.answer.weight)
        part.slope.register_forward_hook(
            lambda module, given, out, name=name: used.update({name: out.reshape(5, 9)})
        )
    asked = model.slopes(images())
    model(images())
    assert all(torch.equal(asked[name], used[name]) for name in used)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16])
def test_the_deployed_network_is_of_the_same_type_and_the_model_as_it_was(kind):
    model = small().to(kind).train()
    model.positions.requires_grad_(False)
    model.head = nn.Linear(24, 7).to(kind)
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    plain = model.deployed()
    assert {t.dtype for t in plain.state_dict().values()} == {kind}
    assert not plain.training
    assert not plain.positions.requires_grad
    assert plain.head.out_features == plain.num_classes == 7
    assert model.training
    assert model.config.slope == "token"
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    with torch.no_grad():
        assert torch.equal(plain(images().to(kind)), model.eval()(images().to(kind)))


def test_the_deployed_network_has_plain_weights():
    model = small()
    weight_norm(model.blocks[0].out)
    prune.l1_unstructured(model.blocks[1].qkv, "weight", 0.3)
    model.train()(images()).sum().backward()
    model.eval()
    plain = model.deployed()
    names = {n for n in small().state_dict() if ".slope." not in n}
    assert plain.state_dict().keys() == names
    assert torch.equal(plain(images()), model(images()))


def test_layouts_of_images_do_not_matter():
    model, x = small().eval(), images()
    turned = x.transpose(2, 3).contiguous().transpose(2, 3)
    for laid_out in (
        x.to(memory_format=torch.channels_last),
        turned,
        x[None].expand(2, *x.shape)[1],
    ):
        torch.testing.assert_close(model(laid_out), model(x), rtol=1e-5, atol=1e-6)


def test_of_no_images_there_are_no_scores():
    model = small().eval()
    assert model(images()[:0]).shape == (0, 10)
    with pytest.raises(ValueError, match="images must be at least one in training mode, got 0"):
        model.train()(images()[:0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images().byte(), "images are uint8, the model is float32"),
        (images().double(), "images are float64, the model is float32"),
        (images().half(), "images are float16, the model is float32"),
        (images().to("meta"), "images are on meta, the model on cpu"),
        (images().numpy(), "dense tensor, got ndarray"),
        (images().to_sparse(), "dense tensor, got torch.sparse_coo"),
    ],
    ids=["uint8", "double", "half", "meta", "numpy", "sparse"],
)
def test_images_of_another_type_are_refused_in_one_line(given, message):
    with pytest.raises(ValueError, match=message) as error:
        small().check(given)  # forward would be stopped by the types that tests check
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("guard", [True, False])
def test_a_value_that_is_not_finite_ends_where_a_guard_stands(guard):
    block = small(nan_guard=guard).blocks[0]
    x = torch.zeros(3, 24)
    branch = torch.tensor([float("nan"), float("inf"), 2.0])[:, None].expand(3, 24)
    sums = block.add(x, branch)
    assert sums.isfinite().all() == guard
    assert (sums[2] == 1).all()  # half of 2


def test_a_compiled_guard_stands_for_every_value_in_one_graph():
    """Also for those that it was not compiled with."""
    block = small("reference").blocks[0]
    add = inspect.unwrap(type(block).add)  # without the types that tests check
    compiled = torch.compile(add, backend="eager", fullgraph=True)
    x = torch.randn(3, 24)
    for branch in (torch.randn(3, 24), torch.full((3, 24), torch.nan), torch.full((3, 24), 1e38)):
        assert torch.equal(compiled(block, x, branch), block.add(x, branch))


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 1, 12, 12), (3, 12, 12), (2, 12, 12, 3)])
def test_images_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match=r"three colours of 12 x 12 pixels; got"):
        small()(torch.randn(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 25}, "multiple of heads"),
        ({"patch_size": 5}, "multiple of patch_size"),
        ({"slope": 0.0}, "slope must be above 0"),
        ({"depth": 0}, "depth must be above 0"),
        ({"classes": 1}, "classes must be at least 2"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DySViTConfig(**SMALL | settings)
