import pytest
import torch
from torch import nn

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


@pytest.mark.parametrize("guard", [True, False])
def test_a_value_that_is_not_finite_ends_where_a_guard_stands(guard):
    block = small(nan_guard=guard).blocks[0]
    x = torch.zeros(3, 24)
    branch = torch.tensor([float("nan"), float("inf"), 2.0])[:, None].expand(3, 24)
    sums = block.add(x, branch)
    assert sums.isfinite().all() == guard
    assert (sums[2] == 1).all()  # half of 2


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
