import itertools
from dataclasses import astuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neurosvt.energy.count import Count, counting, mixing_synops
from neurosvt.models.neurosvt import NeuroSVT, NeuroSVTConfig
from neurosvt.nn.attention import SpikeMix
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import PositionRead
from neurosvt.nn.neuron import TokenLIF
from neurosvt.nn.norm import ScaleNorm
from neurosvt.ops.rows import by_frame, pack


def test_a_spike_costs_its_fan_out():
    layer = SpikeLinear(3, 5).eval()
    with counting(layer) as count:
        layer(torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]]))
    assert count.synops == 15
    assert (count.spikes, count.touched, count.working) == (0, 0, 0)


def test_silence_costs_nothing():
    layer = SpikeLinear(3, 5).eval()
    with counting(layer) as count:
        layer(torch.zeros(7, 3))
        layer(torch.zeros(0, 3))
    assert count.synops == 0


def test_reading_for_the_memory_costs_a_channel_each():
    read = PositionRead(positions=4, width=3, outputs=10).eval()
    active = torch.zeros(2, 1, 4, dtype=torch.bool)
    active[0, 0, 1] = active[1, 0, 3] = True
    with counting(read) as count:
        read(torch.tensor([[1.0, 1, 0], [0, 0, 1]]), pack(active))
    assert count.synops == 30


def by_loops(q, k, v):
    """Operations of one head of one frame, spike by spike, in either order."""
    tokens, width = range(q.shape[0]), range(q.shape[1])
    meetings = [
        (i, j) for i, j, c in itertools.product(tokens, tokens, width) if q[i, c] and k[j, c]
    ]
    through = [1 for _, j in set(meetings) for c in width if v[j, c]]
    keys_first = len(meetings) + len(through)
    pairs = [1 for j, a, b in itertools.product(tokens, width, width) if k[j, a] and v[j, b]]
    reached = [1 for i, a, _ in itertools.product(tokens, width, width) if q[i, a]]
    return min(keys_first, len(pairs) + len(reached))


@given(
    frames=st.integers(1, 3),
    heads=st.integers(1, 3),
    tokens=st.integers(1, 7),
    width=st.integers(1, 5),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_attention_costs_what_a_loop_over_spikes_counts(frames, heads, tokens, width, share, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = (3, frames, heads, tokens, width)
    q, k, v = (torch.rand(shape, generator=generator) < share).float()
    expected = sum(by_loops(q[f, h], k[f, h], v[f, h]) for f in range(frames) for h in range(heads))
    assert mixing_synops(q, k, v) == expected


def test_the_cheaper_order_is_taken_for_each_head_of_each_frame():
    few, many = torch.zeros(2, 6, 4), torch.ones(2, 6, 4)
    few[:, 0, 0] = 1
    each = [mixing_synops(x[None], x[None], x[None]) for x in (few, many)]
    together = torch.stack([few, many])
    assert mixing_synops(together, together, together) == sum(each)
    assert each == [2 * 2, 2 * (6 * 16 + 24 * 4)]  # queries with keys; keys with values


def test_large_counts_are_exact():
    """Beyond 2^24 single precision knows even numbers only."""
    shape = (5001, 1, 1, 2000)
    q = k = torch.ones(1).expand(shape)
    v = torch.ones(2000)
    v[0] = 0
    assert mixing_synops(q, k, v.expand(shape)) == 5001 * (2000 + 1999)


def test_tokens_of_different_frames_do_not_meet():
    """Frames of different fullness, laid out as the model lays them out."""
    active = torch.rand(4, 2, 5) < 0.5
    active[0] = False
    rows = pack(active)
    qkv = (torch.rand(len(rows), 3 * 4) < 0.4).float()
    mix = SpikeMix(heads=2)
    with counting(mix) as count:
        mix(qkv, by_frame(rows))
    expected = 0
    for frame in rows.frame.unique():
        q, k, v = qkv[rows.frame == frame].chunk(3, dim=1)
        for head in (slice(0, 2), slice(2, 4)):
            expected += by_loops(q[:, head], k[:, head], v[:, head])
    assert count.synops == expected


def some_frames(steps=8, batch=2, share=0.03):
    return torch.rand(steps, batch, 2, 32, 32) < share


def small_model(memory="leaky"):
    config = NeuroSVTConfig(
        image_size=32, kernel_size=8, width=8, heads=2, depth=2, memory_channels=6, head_width=8,
        memory=memory,
    )  # fmt: skip
    model = NeuroSVT(config)
    for module in model.modules():
        if isinstance(module, ScaleNorm):
            module.momentum = 0.5
    for _ in range(8):
        model(some_frames(batch=8))
    return model.on_grid()  # sums are exact, so any chunks give the same spikes


def counted(model, frames, state=None):
    with torch.no_grad(), counting(model) as count:
        _, state = model(frames, state)
    return astuple(count), state


@pytest.mark.parametrize("memory", ["leaky", "lif", "none"])
def test_frame_by_frame_costs_what_the_whole_does(memory):
    model, frames, state = small_model(memory), some_frames(), None
    frames[3:5] = False
    whole, _ = counted(model, frames)
    total = torch.zeros(4, dtype=torch.long)
    for frame in frames:
        one, state = counted(model, frame[None], state)
        total += torch.tensor(one)
    assert tuple(total.tolist()) == whole
    assert min(whole) > 0


def test_sequences_cost_the_same_alone_and_together():
    model, frames = small_model(), some_frames(batch=3)
    whole, _ = counted(model, frames)
    alone = torch.tensor([counted(model, frames[:, i : i + 1])[0] for i in range(3)])
    assert tuple(alone.sum(0).tolist()) == whole


@pytest.mark.parametrize("memory", ["leaky", "lif", "none"])
def test_silent_frames_cost_nothing_from_the_first_and_after_others(memory):
    model, silent = small_model(memory), torch.zeros(5, 2, 2, 32, 32, dtype=torch.bool)
    assert counted(model, silent)[0] == (0, 0, 0, 0)
    _, state = counted(model, some_frames())
    assert counted(model, silent, state)[0] == (0, 0, 0, 0)


def test_a_whole_model_costs_what_its_parts_were_given():
    """A second count, from what flowed in and out, spike by spike where attention mixes."""
    model, frames = small_model(), some_frames(steps=3)
    spikes, synops, hooks = [], [], []

    def note(module, given, out):
        if isinstance(module, SpikeLinear):
            reached = (given[0] != 0).float() @ torch.ones_like(module.weight.T)
            synops.append(reached.sum().item())
        elif isinstance(module, PositionRead):
            synops.append(given[0].sum().item() * 12)  # drive and gate of 6 channels
        elif isinstance(module, TokenLIF):
            spikes.append(out[0].sum().item())
        elif isinstance(module, SpikeMix):
            for q, k, v in module.by_frame(*given):
                heads = zip(*(x.flatten(0, 1) for x in (q, k, v)), strict=True)
                synops.extend(by_loops(*one) for one in heads)

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    found, _ = counted(model, frames)
    for hook in hooks:
        hook.remove()
    assert found[:2] == (sum(spikes), sum(synops))


def test_tokens_at_work_are_those_that_fired_of_those_that_were_touched():
    model, frames = small_model(), some_frames()
    seen = []
    fire = model.embed.fire.register_forward_hook(lambda m, given, out: seen.append(out[0]))
    (_, _, touched, working), _ = counted(model, frames)
    fire.remove()
    assert touched == len(seen[0])
    assert working == (seen[0] != 0).any(1).sum().item()
    assert 0 < working < touched <= 8 * 2 * 16


def test_counts_add_up():
    total = Count(1, 2, 3, 4)
    total += Count(10, 20, 30, 40)
    assert total == Count(11, 22, 33, 44)


def hooked(model):
    return [name for name, module in model.named_modules() if module._forward_hooks]


def test_counting_leaves_no_hook_behind():
    model = small_model()
    with counting(model) as count:
        assert hooked(model)
        model(some_frames())
    assert not hooked(model)
    before = (count.spikes, count.synops)
    model(some_frames())
    assert (count.spikes, count.synops) == before


def test_counting_that_fails_leaves_no_hook_behind():
    model = small_model()
    with pytest.raises(ValueError, match="frames must be"), counting(model):
        model(torch.zeros(1, 1, 2, 7, 7, dtype=torch.bool))
    assert not hooked(model)


def test_counting_changes_no_answer():
    model, frames = small_model(), some_frames()
    with torch.no_grad():
        plain, _ = model(frames)
        with counting(model):
            counted_belief, _ = model(frames)
    for one, two in zip(plain, counted_belief, strict=True):
        assert torch.equal(one, two)


def test_a_model_without_spikes_counts_none():
    with counting(nn.Linear(2, 3)) as count:
        nn.Linear(2, 3)(torch.ones(1, 2))
    assert astuple(count) == (0, 0, 0, 0)
