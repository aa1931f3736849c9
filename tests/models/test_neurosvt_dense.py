"""The definition, token by token and step by step, against the rows that compute it."""

import copy
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosvt.config import UserError
from neurosvt.models import neurosvt_dense
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.neurosvt_dense import NeuroSVTDense
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.token_neuron import NeuronConfig, TokenLIF

few = settings(max_examples=8)


@st.composite
def configs(draw):
    """Small models of odd sizes: patches apart or overlapping, one block or several."""
    patch = draw(st.sampled_from([2, 3, 4, 5]))
    heads = draw(st.sampled_from([1, 2, 3]))
    gates = draw(st.sampled_from([0, 1, 3]))
    return NeuroSVTConfig(
        image_size=patch * draw(st.integers(1, 3)),
        patch_size=patch,
        kernel_size=patch + 2 * draw(st.integers(0, 2)),
        least_events=draw(st.integers(1, 3)),
        least_neighbours=draw(st.integers(0, 2)),
        classes=draw(st.integers(2, 4)),
        width=heads * draw(st.sampled_from([3, 5, 8])),
        heads=heads,
        depth=draw(st.integers(1, 3)),
        mlp_ratio=1.5,
        neuron=NeuronConfig(tau=draw(st.sampled_from([1.1, 2.0, 3.7]))),
        readout=ReadoutConfig(width=7, depth=draw(st.integers(1, 2))),
        memory=LeakyMemoryConfig(
            channels=3 * draw(st.integers(1, 3)),
            tau_range=(1.5, draw(st.sampled_from([2.0, 300.0]))),
            write_gates=gates,
            looks_back=gates > 0 and draw(st.booleans()),
            forget_range=(0.1, 0.8) if gates and draw(st.booleans()) else (0.0, 0.0),
            tracks=draw(st.integers(0, gates)),
        ),
    )


def frames_of(cfg, steps, batch, seed):
    """Frames with a share of events each, some of them dark."""
    generator = torch.Generator().manual_seed(seed)
    shape = (steps, batch, 2, cfg.image_size, cfg.image_size)
    share = torch.tensor([0.0, 0.05, 0.2, 0.5])
    chosen = share[torch.randint(4, (steps, batch), generator=generator)]
    return torch.rand(shape, generator=generator) < chosen[:, :, None, None, None]


def lively(cfg, seed):
    """A model in double precision that fires, and whose every weight has something to do."""
    torch.manual_seed(seed)
    model = NeuroSVT(cfg, backend="reference").double()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("look"):
                weight.normal_()
            if name.endswith("gain"):
                weight.mul_(2)
        for norm in model.modules():
            if isinstance(norm, ScaleNorm):
                norm.momentum = 0.5
    model.train()
    for i in range(4):
        model(frames_of(cfg, 5, 3, 1000 + i))
    return model.eval()


def spikes_of_dense(model, frames, monkeypatch, *state):
    """(T, B, N, D) spikes of every layer of neurons, in their order."""
    seen, fire = [], neurosvt_dense.fire_dense

    def noted(*given):
        spikes, v = fire(*given)
        seen.append(spikes)
        return spikes, v

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(neurosvt_dense, "fire_dense", noted)
        model(frames, *state)
    return seen


def chunked(model, frames, cuts):
    """Beliefs of all steps, and what is left, of frames that come in parts."""
    beliefs, state = [], None
    for part in frames.tensor_split(sorted(cuts)):
        belief, state = model(part, state)
        beliefs.append(belief)
    return [torch.cat(parts) for parts in zip(*beliefs, strict=True)], state


def gradients(model, belief, charge):
    """Of every weight, from a loss that all beliefs and the charge have a part in."""
    loss = sum((part * torch.linspace(0.5, 2, part.numel()).view_as(part)).sum() for part in belief)
    loss = loss + charge.square().sum()
    learnt = {n: p for n, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(loss, list(learnt.values()), allow_unused=True)
    return {
        name: torch.zeros_like(p) if g is None else g
        for (name, p), g in zip(learnt.items(), found, strict=True)
    }


@given(
    cfg=configs(),
    training=st.booleans(),
    cuts=st.sets(st.integers(1, 8), max_size=2),
    batch=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_rows_believe_and_learn_what_the_definition_does(cfg, training, cuts, batch, seed):
    """In double precision; rows keep decays in float32, hence 1e-6 of the values, 1e-5 of the
    gradients."""
    rows = lively(cfg, seed).train(training)
    dense = NeuroSVTDense(rows)
    frames = frames_of(cfg, 9, batch, seed)
    found = {}
    for model in (rows, dense):
        belief, state = chunked(model, frames, cuts)
        charge = state.memory if model is rows else state[-1]
        found[model] = belief, charge, gradients(model, belief, charge), dict(model.named_buffers())
    (belief, charge, learnt, moved), (belief_d, charge_d, learnt_d, moved_d) = found.values()
    torch.testing.assert_close(belief, belief_d, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(charge, charge_d, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(moved, moved_d, rtol=1e-6, atol=1e-6)
    assert learnt.keys() == learnt_d.keys()
    for name, gradient in learnt.items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(gradient, learnt_d[name], rtol=1e-5, atol=1e-5 * scale + 1e-12)


@few
@given(cfg=configs(), training=st.booleans(), seed=st.integers(0, 2**16))
def test_frames_learn_what_the_definition_says(cfg, training, seed):
    """Pixels without events too, wherever a window is looked at."""
    rows = lively(cfg, seed).train(training)
    found = []
    for model in (rows, NeuroSVTDense(rows)):
        frames = frames_of(cfg, 6, 2, seed).double().requires_grad_()
        belief, _ = model(frames)
        charged = belief.class_logits.square().sum() + belief.position.sum()
        found.append(torch.autograd.grad(charged, frames)[0])
    scale = found[1].abs().max().item()
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5 * scale + 1e-12)
    if scale:
        silent = frames_of(cfg, 6, 2, seed) == 0
        assert found[0][silent].any() or cfg.least_neighbours


@few
@given(cfg=configs(), cuts=st.sets(st.integers(1, 8), max_size=2), seed=st.integers(0, 2**16))
def test_on_the_grid_no_spike_differs(cfg, cuts, seed):
    """Sums are exact there in any order, so the charge is equal to the bit as well."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        rows = lively(cfg, seed).float().on_grid()
        dense = NeuroSVTDense(rows)
        frames = frames_of(cfg, 9, 2, seed)
        expected = all_spikes(rows, frames)
        spikes = spikes_of_dense(dense, frames, monkeypatch)
        assert len(expected) in (0, 1, len(spikes))  # rows stop where nothing goes on
        for a, b in zip(expected, spikes, strict=False):
            assert torch.equal(a, b)
        for silent in spikes[len(expected) :]:
            assert not silent.any()
        with torch.no_grad():
            (belief, left), (belief_d, left_d) = (chunked(m, frames, cuts) for m in (rows, dense))
        assert torch.equal(left.memory, left_d[-1])
        torch.testing.assert_close(belief, belief_d, rtol=1e-5, atol=1e-5)


def all_spikes(model, frames):
    """(T, B, N, D) spikes of every layer of rows that was called."""
    seen, hooks = [], []

    def note(_, given, out):
        rows, spikes = given[2].rows, out[0]
        every = spikes.new_zeros(rows.shape[0] * rows.shape[1], rows.shape[2], spikes.shape[1])
        every[rows.frame, rows.position] = spikes
        seen.append(every.unflatten(0, rows.shape[:2]))

    for module in model.modules():
        if isinstance(module, TokenLIF):
            hooks.append(module.register_forward_hook(note))
    with torch.no_grad():
        model(frames)
    for hook in hooks:
        hook.remove()
    return seen


@few
@given(cfg=configs(), training=st.booleans(), seed=st.integers(0, 2**16))
def test_silence_is_silent_in_the_definition_too(cfg, training, seed):
    with pytest.MonkeyPatch.context() as monkeypatch:
        model = NeuroSVTDense(lively(cfg, seed)).train(training)
        before = copy.deepcopy(dict(model.named_buffers()))
        dark = torch.zeros_like(frames_of(cfg, 5, 2, seed))
        assert not any(s.any() for s in spikes_of_dense(model, dark, monkeypatch))
        with torch.no_grad():
            _, (embed, blocks, read, charge) = model(dark)
        assert not any(part.any() for part in (embed, read, charge, *sum(blocks, ())))
        assert all(torch.equal(x, before[name]) for name, x in model.named_buffers())


def test_what_the_properties_draw_is_alive(monkeypatch):
    """A test of silence alone would prove nothing: neurons fire in every layer, and some rest."""
    cfg = NeuroSVTConfig(
        image_size=12, patch_size=4, kernel_size=6, width=16, heads=2, depth=2,
        least_neighbours=1, readout=ReadoutConfig(width=7),
        memory=LeakyMemoryConfig(
            channels=12, tau_range=(1.5, 300.0), write_gates=3, looks_back=True
        ),
    )  # fmt: skip
    rows = lively(cfg, 0)
    frames = frames_of(cfg, 9, 2, 0)
    for spikes in spikes_of_dense(NeuroSVTDense(rows), frames, monkeypatch):
        assert 0 < spikes.mean() < 0.6
    belief, state = rows.train()(frames)
    learnt = gradients(rows, belief, state.memory)
    assert all(gradient.any() for gradient in learnt.values())


def test_weights_have_the_same_names_and_belong_to_the_copy(make):
    model = make()
    dense = NeuroSVTDense(model)
    assert dense.state_dict().keys() == model.state_dict().keys()
    assert dense.training == model.training
    with torch.no_grad():
        dense.positions.table.add_(1)
    assert not torch.equal(dense.positions.table, model.positions.table)


@pytest.mark.parametrize("memory", ["lif", "none"])
def test_another_memory_is_refused_in_one_line(make, memory):
    with pytest.raises(UserError, match="has the leaky memory and LIF neurons, and no others"):
        NeuroSVTDense(make(memory))


def test_the_definition_is_short_enough_to_be_read_first():
    assert len(Path(neurosvt_dense.__file__).read_text().splitlines()) <= 150
