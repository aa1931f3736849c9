"""A model that is cut, and run by its subgraphs and the host, is the model."""

import copy

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.export.dysvit_split import dysvit_on_grid, run_dysvit, split_dysvit
from neurosvt.export.neurosvt_host import NeuroSVTHost
from neurosvt.export.neurosvt_split import split_neurosvt
from neurosvt.export.nir import split_model
from neurosvt.export.subgraph import PlainRuntime, Projected
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig

TRACKS = LeakyMemoryConfig(
    channels=12, write_gates=4, looks_back=True, forget_range=(0.03, 0.9), tracks=4
)
MEMORIES = {
    "leaky": LeakyMemoryConfig(channels=12),
    "gated": LeakyMemoryConfig(channels=12, write_gates=3, looks_back=True),
    "tracks": TRACKS,
}


@pytest.fixture(scope="module")
def trained():
    """A small DySViT whose running moments have moved, and whose gains have both signs."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = DySViTConfig(
            classes=3, image_size=16, patch_size=4, width=12, depth=2, heads=2, mlp_ratio=1.5
        )
        model = DySViT(config=config)
        for neurons in model.neurons().values():
            torch.nn.init.normal_(neurons.weight, std=1.5)
        for _ in range(20):
            model(torch.randn(8, 3, 16, 16))
    return model.eval()


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("settings", [{"least_events": 2}, {"least_events": 1}], ids=str)
def test_beliefs_are_those_of_the_model(make, events, memory, settings):
    model = make(MEMORIES[memory], grid=True, depth=2, least_neighbours=1, **settings)
    frames = events(steps=15, batch=3, share=0.15)
    frames[7:11] = False  # darkness
    with torch.no_grad():
        right, state = model(frames)
    host = NeuroSVTHost(model, PlainRuntime(split_neurosvt(model)))
    found = host(frames)
    assert state.memory.any()
    torch.testing.assert_close(tuple(found), tuple(right), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(host.charge, state.memory[:, :12], atol=1e-5, rtol=1e-5)


def test_a_host_can_be_stopped_and_gone_on_with(make, events):
    model = make(TRACKS, grid=True)
    frames, split = events(steps=9, share=0.15), split_neurosvt(model)
    whole = NeuroSVTHost(model, PlainRuntime(split))(frames)
    host = NeuroSVTHost(model, PlainRuntime(split))
    parts = host(frames[:4]), host(frames[4:])
    for found, one, two in zip(whole, *parts, strict=True):
        assert torch.equal(found, torch.cat([one, two]))


def test_images_are_classified_as_by_the_model_on_its_grid(trained):
    model, images = dysvit_on_grid(trained), torch.randn(5, 3, 16, 16)
    with torch.no_grad():
        right = model(images)
    found = run_dysvit(model, PlainRuntime(split_dysvit(model)), images)
    assert torch.equal(found, right)


def test_the_grid_moves_almost_no_spike(trained):
    """Of the first layer, which sees the same currents, none; of the others few."""
    images, seen = torch.randn(16, 3, 16, 16), []
    for model in (copy.deepcopy(trained), dysvit_on_grid(trained)):
        spikes = {}
        for name, part in model.neurons().items():
            part.register_forward_hook(lambda _, __, out, n=name, s=spikes: s.update({n: out}))
        with torch.no_grad():
            model(images)
        seen.append(spikes)
    assert torch.equal(*(s["blocks.0.fire_attention"] for s in seen))
    differing = sum(int((seen[0][n] != seen[1][n]).sum()) for n in seen[0])
    total = sum(s.numel() for s in seen[0].values())
    assert 0.05 < sum(s.sum() for s in seen[0].values()) / total < 0.9
    assert differing < 0.002 * total


def test_sums_of_spikes_are_exact_in_any_order(trained):
    """The promise that foreign simulators' equal spikes rest on."""
    model = dysvit_on_grid(trained)
    for subgraph in split_dysvit(model).subgraphs.values():
        for name, layer in subgraph.layers:
            if not isinstance(layer, Projected) or name == "head" or name.startswith("compare"):
                continue  # the head adds up real numbers, a comparison one alone
            spikes = (torch.rand(50, layer.weight.shape[1]) < 0.6).float()
            bias = 0.0 if layer.bias is None else layer.bias
            exact = spikes.double() @ layer.weight.double().T + bias
            order = torch.randperm(layer.weight.shape[1])
            found = torch.zeros(50, len(layer.weight)) + bias
            for i in order:
                found = found + spikes[:, i, None] * layer.weight[:, i]
            assert torch.equal(found.double(), exact.double())


@pytest.mark.parametrize(("memory", "kind"), [("lif", "TokenMemory"), ("none", "NoMemory")])
def test_another_memory_is_refused_by_name(make, memory, kind):
    with pytest.raises(UserError, match=f"memory {kind} cannot be exported; LeakyMemory can"):
        split_model(make(memory))


def test_what_is_no_model_of_ours_is_refused_by_name():
    with pytest.raises(UserError, match="a Linear cannot be exported"):
        split_model(torch.nn.Linear(2, 2))


def test_only_a_model_on_the_grid_is_cut(make, trained):
    with pytest.raises(UserError, match="on_grid"):
        split_neurosvt(make("leaky"))
    with pytest.raises(UserError, match="dysvit_on_grid"):
        split_dysvit(trained.deployed())
