"""The invariants of NeuroSVT, and what its users can rely on besides."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import SIZES, NeuroSVTConfig
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.attention import SpikeMix
from neurosvt.nn.embed import checked_frames
from neurosvt.nn.heads import Belief, Heads
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import StepwiseMemory
from neurosvt.nn.norm import FixedScale, ScaleNorm
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.reads import PositionRead
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig
from neurosvt.nn.token_neuron import NeuronConfig, TokenNeuron
from neurosvt.ops import native
from neurosvt.ops.lif import BACKENDS
from neurosvt.ops.products import UNIT
from neurosvt.ops.surrogate import spike
from neurosvt.sides import Sides

few = settings(max_examples=8)
memories = pytest.mark.parametrize("memory", ["leaky", "lif", "none"])


IDLE = {"", "filter", "heads", "heads.hidden", "heads.answer"}
"""The modules that look at frames without events, or answer: no projection, no neuron."""


def dark(steps, batch=2):
    return torch.zeros(steps, batch, 2, 16, 16, dtype=torch.bool)


def assert_same_belief(a, b, tolerance=1e-5):
    """The heads' products of real numbers round by the number of rows, so close is equal."""
    for x, y in zip(a, b, strict=True):
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance)


# Silence in, silence out.


@memories
@pytest.mark.parametrize("warmed", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_without_events_nothing_happens(make, memory, warmed, training, calls_of, spikes_of, run):
    model = copy.deepcopy(make(memory, warmed)).train(training)
    statistics = copy.deepcopy(dict(model.named_buffers()))
    called, state = calls_of(model, dark(9))
    assert called == IDLE
    assert spikes_of(model, dark(9)) == [], "a layer of neurons was called"
    assert not run(model, dark(9)).charge.any()
    for part in (state.embed, state.read, state.memory, *sum(state.blocks, ())):
        assert not part.any()
    assert all(torch.equal(x, statistics[name]) for name, x in model.named_buffers())


@memories
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_in_the_dark_after_activity_only_the_heads_work(
    make, memory, noise, events, calls_of, spikes_of, run
):
    """From the first frame without events on, with or without noise on the state."""
    model = make(memory)
    assert spikes_of(model, events())[-1].any(), "the test would say nothing"
    with torch.no_grad():
        _, state = model(events())
    called, after = calls_of(model, dark(9), state, state_noise=noise)
    assert called == IDLE
    assert spikes_of(model, dark(9), state) == []
    assert torch.equal(after.embed, state.embed)
    assert torch.equal(after.read, state.read)
    assert torch.equal(after.since_patch_event, state.since_patch_event + 9)
    charge = run(model, dark(9), state).charge
    if memory == "leaky":
        decay = 1 - 1 / model.memory.tau().detach()
        expected = state.memory * decay.pow(torch.arange(1, 10)[:, None, None])
        torch.testing.assert_close(charge, expected)
    else:
        assert not charge.any()


@memories
def test_dark_frames_among_others_have_no_spikes(make, memory, events, spikes_of):
    frames = events(share=0.1)
    frames[4:9] = False
    frames[:, 1] = False
    for spikes in spikes_of(make(memory), frames):
        assert not spikes[4:9].any()
        assert not spikes[:, 1].any()
        assert spikes[:4, 0].any()


@memories
def test_a_patch_that_makes_no_neuron_fire_does_not_enter_the_blocks(make, memory, events):
    """Which is what keeps sensor noise cheap."""
    model, rows = copy.deepcopy(make(memory)), {}
    model.embed.register_forward_hook(lambda _, __, out: rows.update(embed=out[0]))
    model.blocks[0].register_forward_hook(lambda _, x, __: rows.update(block=x[0], at=x[2].rows))
    model(events(share=0.01))
    fired = rows["embed"].any(1)
    tokens = rows["at"].position >= model.config.patches
    assert 0 < fired.sum() < len(fired)
    assert (~tokens).sum() == fired.sum()
    assert tokens.sum() == (len(rows["at"].frame.unique()) if memory == "lif" else 0)


# State is explicit.


@memories
@few
@given(cuts=st.sets(st.integers(1, 11), max_size=4), share=st.sampled_from([0.005, 0.04, 0.3]))
def test_any_chunks_are_the_whole(make, memory, cuts, share, events, run, assert_same_state):
    model, frames = make(memory, grid=True), events(share=share)
    whole = run(model, frames)
    parts, state = [], None
    for part in frames.tensor_split(sorted(cuts)):
        parts.append(run(model, part, state))
        state = parts[-1].state
    assert_same_state(state, whole.state)
    assert torch.equal(torch.cat([part.charge for part in parts]), whole.charge)
    beliefs = zip(*[part.belief for part in parts], strict=True)
    assert_same_belief(map(torch.cat, beliefs), whole.belief)


@memories
@pytest.mark.parametrize("grid", [True, False])
def test_step_by_step_is_the_whole(make, memory, grid, events, assert_same_state):
    """To the bit on the grid; free floats are close as long as no spike flips."""
    model, frames = make(memory, grid=grid), events(8)
    with torch.no_grad():
        belief, end = model(frames)
        state, beliefs = None, []
        for frame in frames:
            said, state = model.step(frame, state)
            beliefs.append(said)
    assert said.position.shape == (2, 2)
    assert_same_belief(map(torch.stack, zip(*beliefs, strict=True)), belief, 1e-4)
    if grid:
        assert_same_state(state, end)
    torch.testing.assert_close(state.memory, end.memory, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(state.read, end.read, rtol=1e-4, atol=1e-4)


@memories
def test_a_state_can_be_come_back_to(make, memory, events, assert_same_state):
    model = make(memory, grid=True)
    with torch.no_grad():
        _, state = model(events())
        kept = copy.deepcopy(state)
        first = model(events(seed=1), state)
        second = model(events(seed=1), state)
    assert_same_state(state, kept)
    assert_same_state(first[1], second[1])
    assert_same_belief(first[0], second[0], 0)


@memories
def test_a_model_keeps_nothing(make, memory, events):
    model = make(memory)
    weights, names = copy.deepcopy(model.state_dict()), set(vars(model))
    with torch.no_grad():
        model(events())
    assert set(vars(model)) == names
    assert all(torch.equal(x, weights[name]) for name, x in model.state_dict().items())


@memories
def test_a_rested_state_is_no_state(make, memory, events, assert_same_state):
    model = make(memory, grid=True)
    with torch.no_grad():
        assert_same_state(model(events(), model.start(2))[1], model(events())[1])


# Batch neighbours do not matter.


@memories
@few
@given(seed=st.integers(0, 2**16), company=st.sampled_from([0.0, 0.04, 0.9]))
def test_a_sample_alone_is_the_sample_in_any_batch(
    make, memory, seed, company, events, run, assert_same_state
):
    model = make(memory, grid=True)
    ours = events(9, 1, seed=seed)
    batch = events(9, 4, share=company, seed=seed + 1)
    batch[:, 2:3] = ours
    alone, together = run(model, ours), run(model, batch)
    theirs = together.state
    blocks = tuple(tuple(v[2:3] for v in block) for block in theirs.blocks)
    rest = {name: v[2:3] for name, v in theirs._asdict().items() if name != "blocks"}
    assert_same_state(alone.state, State(**rest, blocks=blocks))
    assert torch.equal(alone.charge, together.charge[:, 2:3])
    assert_same_belief(alone.belief, [part[:, 2:3] for part in together.belief])


# Causal.


@memories
@few
@given(t=st.integers(1, 11), share=st.sampled_from([0.0, 0.04, 0.9]))
def test_what_comes_later_changes_nothing_before(make, memory, t, share, events, run):
    model, frames = make(memory, grid=True), events()
    changed = frames.clone()
    changed[t:] = events(12 - t, share=share, seed=7)
    first, second = run(model, frames), run(model, changed)
    assert torch.equal(first.charge[:t], second.charge[:t])
    assert_same_belief([x[:t] for x in first.belief], [x[:t] for x in second.belief])


# Spikes are exactly 0 or 1.


@memories
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("half", [False, True])
def test_everything_projected_or_attended_to_is_a_spike(make, memory, training, half, events):
    model = copy.deepcopy(make(memory)).train(training)
    seen = []
    for name, module in model.named_modules():
        if isinstance(module, SpikeLinear | PositionRead):
            module.register_forward_hook(lambda _, x, __, name=name: seen.append((name, x[0])))
        if isinstance(module, SpikeMix):
            module.register_forward_hook(
                lambda _, x, __: seen.extend(zip("qkv", x[0].chunk(3, 1), strict=True))
            )
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        model(events(share=0.1))
    assert len(seen) >= 1 + 4 * 2 + 3 * 2
    for name, spikes in seen:
        assert ((spikes == 0) | (spikes == 1)).all(), name
    assert all(any(x.any() for n, x in seen if n == name) for name in {n for n, _ in seen})


# Packed equals dense.


class Dense:
    """The spatial part by its definition: every token, at every step, through plain LIF."""

    def __init__(self, model):
        self.model = model
        self.membranes = []  # before the reset, of every layer in its order

    def fire(self, current):
        cfg = self.model.config
        decay = torch.full((current.shape[2], 1), 1 - 1 / cfg.neuron.tau)
        if current.shape[2] > cfg.patches:
            decay[-1] = 1 - 1 / self.model.memory.token_tau
        v, membranes = torch.zeros_like(current[0]), []
        for i in current:
            h = decay * v + i
            v = h * (h < 1)
            membranes.append(h)
        self.membranes.append(torch.stack(membranes))
        return (self.membranes[-1] >= 1).float()

    def project(self, linear, spikes):
        scale = linear.norm.scale() if isinstance(linear.norm, ScaleNorm) else 1
        return spikes @ linear.weight.T * scale

    def attend(self, part, spikes):
        q, k, v = (
            x.unflatten(-1, (part.mix.heads, -1)).transpose(2, 3)
            for x in self.fire(self.project(part.qkv, spikes)).chunk(3, -1)
        )
        counts = (q @ k.transpose(-1, -2) @ v).transpose(2, 3).flatten(3)
        scale = part.norm.scale if isinstance(part.norm, FixedScale) else part.norm.scale()
        return self.project(part.out, self.fire(counts * scale))

    @torch.no_grad()
    def __call__(self, frames):
        model, cfg = self.model, self.model.config
        columns = F.unfold(
            frames.flatten(0, 1).float(),
            cfg.kernel_size,
            stride=cfg.patch_size,
            padding=(cfg.kernel_size - cfg.patch_size) // 2,
        )
        pixels = columns.transpose(1, 2).unflatten(0, frames.shape[:2])
        pixels = pixels * (pixels.sum(-1, keepdim=True) >= cfg.least_events)
        spikes = self.fire(self.project(model.embed.project, pixels))
        fired = spikes.any(-1, keepdim=True)
        x = spikes + fired * model.positions.table
        if model.memory.extra_tokens:
            x = torch.cat([x, fired.any(2, keepdim=True) * model.memory.token], 2)
        for block in model.blocks:
            x = x + self.attend(block.attention, self.fire(x))
            hidden = self.fire(self.project(block.expand, self.fire(x)))
            x = x + self.project(block.contract, hidden)
        return self.fire(x)


@memories
@pytest.mark.parametrize("share", [0.01, 0.04, 0.3])
def test_touched_tokens_alone_give_what_all_tokens_give(make, memory, share, events, spikes_of):
    """With tau 2 decays are powers of one half, so on the grid nothing rounds: zero differences."""
    model = make(memory, grid=True, neuron=NeuronConfig(tau=2.0))
    frames = events(20, share=share)
    frames[7:13] = False
    dense = Dense(model)
    out = dense(frames)
    packed = spikes_of(model, frames)
    assert out.any()
    for membranes, spikes in zip(dense.membranes, packed, strict=True):
        assert torch.equal((membranes >= 1).float(), spikes)


@memories
@pytest.mark.parametrize("grid", [True, False])
def test_with_any_tau_the_first_difference_lies_at_a_threshold(
    make, memory, grid, events, spikes_of
):
    """Decay over a gap rounds once, step by step at every step; free weights round in any case."""
    model = make(TokenMemoryConfig(tau=3.0) if memory == "lif" else memory, grid=grid)
    frames = events(20, share=0.02)
    dense = Dense(model)
    dense(frames)
    packed = spikes_of(model, frames)
    differ = [(m >= 1) != (s > 0) for m, s in zip(dense.membranes, packed, strict=True)]
    for t in range(len(frames)):
        for layer, membranes in zip(differ, dense.membranes, strict=True):
            if layer[t].any():
                assert ((membranes[t] - 1).abs()[layer[t]] < 1e-5).all()
                return


def test_the_leaky_memory_sums_what_all_tokens_say(make, events, run):
    model, frames = make("leaky", grid=True, neuron=NeuronConfig(tau=2.0)), events(20, share=0.04)
    spikes = Dense(model)(frames)
    drive, gate = torch.einsum("tbnd,nde->tbe", spikes, model.memory.read.own).chunk(2, -1)
    v, decay = torch.zeros(2, 12), 1 - 1 / model.memory.tau()
    charge = run(model, frames).charge
    opened = (gate >= 1).float()
    assert 0 < opened.mean() < 1
    for t in range(len(frames)):
        v = v * (decay * (1 - opened[t])) + drive[t]
        assert torch.equal(charge[t], v)


# Noise, frame length, backends, precision.


@memories
def test_noise_on_the_state_changes_beliefs_and_is_drawn_from_the_seed(make, memory, events):
    model, frames = make(memory), events(share=0.1)

    def believe(seed, noise):
        torch.manual_seed(seed)
        with torch.no_grad():
            return model(frames, state_noise=noise)[0].class_logits

    assert torch.equal(believe(1, 0.0), believe(2, 0.0))
    assert torch.equal(believe(1, 0.2), believe(1, 0.2))
    assert not torch.equal(believe(1, 0.2), believe(2, 0.2))
    assert not torch.equal(believe(1, 0.2), believe(1, 0.0))


def test_noise_fades_no_belief_in_the_dark_but_moves_the_charge(make, events, run):
    model = make("leaky")
    state = run(model, events(share=0.1)).state
    still = run(model, dark(30), state).charge
    moved = run(model, dark(30), state, state_noise=0.01).charge
    assert 0.001 < (moved - still).abs().mean() < 0.1


@memories
def test_twice_as_many_frames_of_half_the_length_decay_as_far(make, memory, events):
    """Events at the same moments, told in steps of 10 ms and of 5 ms."""
    model = make(memory, grid=True)
    long = dark(11)
    long[[0, 3, 10]] = events(3, share=0.1)
    short = dark(21)
    short[::2] = long
    with torch.no_grad():
        belief, state = model(long)
        same, _ = model(long, frame_ms=10.0)
        halves, half_state = model(short, frame_ms=5.0)
    assert_same_belief(same, belief, 0)
    assert_same_belief([part[::2] for part in halves], belief, 1e-4)
    torch.testing.assert_close(half_state.embed, state.embed)
    torch.testing.assert_close(half_state.read, state.read)
    torch.testing.assert_close(half_state.memory, state.memory, rtol=1e-4, atol=1e-5)


def test_the_memory_outlasts_thirty_dark_frames_and_a_lif_of_tau_two_does_not(make, events):
    with torch.no_grad():
        leaky, lif = make("leaky"), make("lif")
        _, before = leaky(events(share=0.1))
        _, after = leaky(dark(30), before)
        slow = leaky.memory.tau() > 999.9
        assert slow.any()
        assert (after.memory[:, slow] / before.memory[:, slow] > 0.95).all()
        lit, state = lif(events(share=0.1))
        said, _ = lif(dark(30), state)
    assert not torch.equal(lit.class_logits[-1], said.class_logits[-1])
    assert torch.equal(said.class_logits[0], said.class_logits[-1])
    kept = state.read[:, -1].abs().max() * (1 - 1 / lif.memory.token_tau) ** 30
    assert kept < 1e-8


@memories
@pytest.mark.parametrize("backend", sorted(BACKENDS.keys() - {"reference"}))
def test_backends_agree_on_state_and_gradients(make, memory, backend, events, assert_same_state):
    model = copy.deepcopy(make(memory))
    results = []
    for name in (backend, "reference"):
        model.backend = name
        model.zero_grad()
        belief, state = model(events())
        (belief.class_logits.square().sum() + belief.position.sum()).backward()
        results.append((state, {n: p.grad for n, p in model.named_parameters()}))
    (state, grads), (expected, expected_grads) = results
    assert_same_state(state, expected)
    torch.testing.assert_close(grads, expected_grads, rtol=1e-3, atol=1e-4)


@memories
def test_gradients_reach_every_weight(make, memory, events):
    model = copy.deepcopy(make(memory)).train()
    belief, _ = model(events(share=0.1))
    sum((part * torch.randn_like(part)).sum() for part in belief).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@memories
@pytest.mark.parametrize("kernels", [True, False])
def test_training_in_half_precision_gives_finite_gradients(
    make, memory, kernels, events, monkeypatch
):
    if not kernels:
        monkeypatch.setattr(native, "BUILT", False)
    model = copy.deepcopy(make(memory)).train()
    with torch.autocast("cpu", torch.bfloat16):
        belief, state = model(events(share=0.1))
    assert all(part.dtype == torch.float32 for part in belief)
    assert state.memory.dtype == torch.float32
    sum(part.square().sum() for part in belief).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@memories
def test_frames_of_any_type_are_the_same_frames(make, memory, events):
    model, frames = make(memory), events()
    with torch.no_grad():
        expected, _ = model(frames)
        for kind in (torch.uint8, torch.int64, torch.float32, torch.float16):
            assert_same_belief(model(frames.to(kind))[0], expected, 0)
        strided = frames.transpose(0, 1).contiguous().transpose(0, 1)
        assert_same_belief(model(strided)[0], expected, 0)


@memories
def test_a_belief_has_a_class_a_place_on_the_sensor_and_a_presence(make, memory, events):
    with torch.no_grad():
        belief, _ = make(memory)(events(share=0.3))
    assert isinstance(belief, Belief)
    assert belief.class_logits.shape == (12, 2, 3)
    assert belief.position.shape == (12, 2, 2)
    assert belief.presence_logits.shape == (12, 2, 5)
    assert ((belief.position >= 0) & (belief.position <= 1)).all()


# The grid.


@memories
def test_a_copy_on_the_grid_leaves_the_original_untouched(make, memory):
    model = copy.deepcopy(make(memory)).train()
    before = copy.deepcopy(model.state_dict())
    grid = model.on_grid()
    assert model.training
    assert not grid.training
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


@memories
def test_on_the_grid_every_spatial_weight_is_a_multiple_of_it(make, memory, assert_same_state):
    grid = make(memory, grid=True)
    assert not any(isinstance(module, ScaleNorm) for module in grid.modules())
    for name, x in grid.state_dict().items():
        if not name.startswith(("heads.", "memory.log_tau")):
            assert torch.equal((x / UNIT).round() * UNIT, x), name
    again = grid.on_grid().state_dict()
    assert all(torch.equal(x, again[name]) for name, x in grid.state_dict().items())


@memories
def test_on_the_grid_membranes_are_nearly_those_of_free_weights(make, memory, events):
    """Until the first spike flips, that is in the first layer of a first frame."""
    frames = events(1, share=0.1)
    free, grid = Dense(make(memory)), Dense(make(memory, grid=True))
    free(frames)
    grid(frames)
    assert (free.membranes[0] - grid.membranes[0]).abs().max() < 128 * UNIT / 2


# Sizes, counts, mistakes.


@pytest.mark.parametrize("size", sorted(SIZES))
def test_every_named_size_builds_and_answers(size):
    config = SIZES[size]
    model = NeuroSVT(config).eval()
    side = config.image_size
    assert 64 <= model.tokens <= 256
    with torch.no_grad():
        belief, _ = model(torch.rand(1, 1, 2, side, side) < 0.01)
    assert belief.class_logits.shape == (1, 1, config.classes)
    assert model.parameter_count() == sum(p.numel() for p in model.parameters())


def test_sizes_are_those_of_the_original():
    shapes = {name: (c.width, c.depth, c.heads) for name, c in SIZES.items() if name != "dvs128"}
    assert shapes == {"tiny": (128, 3, 4), "small": (256, 4, 8), "base": (384, 6, 12)}
    assert (SIZES["dvs128"].image_size, SIZES["dvs128"].width) == (128, 192)


def test_parameters_counted_by_hand(make):
    model = make("none")
    embed = 2 * 8 * 8 * 16 + 16
    positions = 16 * 16
    attention = (16 * 48 + 48) + 16 + (16 * 16 + 16)
    block = attention + (16 * 24 + 24) + (24 * 16 + 16)
    memory = 16 * 16 * 12 + 16 * 12 + 12
    heads = (12 * 8 + 8) + (8 * 10 + 10)
    assert model.parameter_count() == embed + positions + 2 * block + memory + heads


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"image_size": 60}, "image_size 60"),
        ({"image_size": 0}, "image_size.*0"),
        ({"image_size": -64}, "image_size.*-64"),
        ({"patch_size": 0}, "patch_size.*0"),
        ({"patch_size": -8}, "patch_size.*-8"),
        ({"kernel_size": 4}, "kernel.*4"),
        ({"kernel_size": 9}, "kernel.*9"),
        ({"least_neighbours": 9}, "least_neighbours must be 0 to 8, got 9"),
        ({"least_events": 0}, "least_events.*0"),
        ({"classes": 1}, "classes.*1"),
        ({"width": 97}, "width 97"),
        ({"width": 0}, "width.*0"),
        ({"depth": 0}, "depth.*0"),
        ({"heads": 5}, "heads 5"),
        ({"heads": 0}, "heads.*0"),
        ({"heads": -4}, "heads.*-4"),
        ({"mlp_ratio": 0.0}, "mlp_ratio.*0"),
        ({"frame_ms": 0.0}, "frame_ms.*0"),
        ({"frame_ms": float("nan")}, "frame_ms.*nan"),
    ],
    ids=str,
)
def test_a_setting_that_fits_no_model_is_named_with_its_value(settings, named):
    with pytest.raises(ValueError, match=named) as error:
        NeuroSVTConfig(**settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("frames", "named"),
    [
        (torch.zeros(1, 1, 2, 32, 32), r"\(T, B, 2, 16, 16\).*got \(1, 1, 2, 32, 32\)"),
        (torch.zeros(1, 1, 2, 16, 15), r"got \(1, 1, 2, 16, 15\)"),
        (torch.zeros(0, 1, 2, 16, 16), r"T >= 1, got \(0, 1, 2, 16, 16\)"),
        (torch.zeros(1, 1, 3, 16, 16), r"got \(1, 1, 3, 16, 16\)"),
        (torch.zeros(1, 2, 16, 16), r"got \(1, 2, 16, 16\)"),
        (torch.full((1, 1, 2, 16, 16), 0.5), "binary.*0.5"),
        (torch.full((1, 1, 2, 16, 16), -1), "binary.*-1"),
        (torch.full((1, 1, 2, 16, 16), torch.nan), "binary.*nan"),
    ],
    ids=["size", "not square", "no steps", "polarities", "no batch", "grey", "signed", "nan"],
)
def test_frames_that_do_not_fit_are_refused_in_one_line(make, frames, named):
    with pytest.raises(ValueError, match=named) as error:
        make().checked(frames)  # forward would be stopped by the shapes that tests check
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("frames", "named"),
    [
        (torch.zeros(1, 1, 2, 16, 16).numpy(), "dense tensor, got ndarray"),
        ([0, 1], "dense tensor, got list"),
        (torch.zeros(1, 1, 2, 16, 16).to_sparse(), "dense tensor, got torch.sparse_coo"),
        (torch.zeros(1, 1, 2, 16, 16, device="meta"), "frames are on meta, the model on cpu"),
        (torch.full((1, 1, 2, 16, 16), 0.5, requires_grad=True), "binary.*0.5"),
    ],
    ids=["numpy", "list", "sparse", "meta", "grey that learns"],
)
def test_what_holds_no_frames_is_refused_in_one_line(frames, named):
    with pytest.raises(ValueError, match=named) as error:
        checked_frames(frames, Sides.of(16), torch.zeros(1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_is_refused_in_one_line(make, kind, events):
    model = copy.deepcopy(make()).to(kind)
    with pytest.raises(ValueError, match="and membranes need more: use model") as error:
        model(events(1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("least_neighbours", [0, 1])
def test_frames_that_learn_are_believed_as_others_and_get_a_gradient(
    make, kind, least_neighbours, events
):
    model, frames = make(least_neighbours=least_neighbours), events(share=0.1)
    learnt = frames.to(kind).requires_grad_()
    belief, _ = model(learnt)
    assert_same_belief(belief, model(frames)[0], tolerance=0)
    belief.class_logits.square().sum().backward()
    assert learnt.grad.dtype == kind
    assert learnt.grad.isfinite().all()
    assert learnt.grad[frames].any()
    with torch.no_grad():
        assert not model(learnt)[0].class_logits.requires_grad


@memories
@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_a_state_of_another_batch_is_refused(make, memory, before, after, events):
    model = make(memory)
    with torch.no_grad():
        _, state = model(events(2, before))
        with pytest.raises(ValueError, match=f"state.*{before}.*{after}|state.*{after}.*{before}"):
            model(events(2, after), state)


def test_a_number_of_bits_that_is_none_is_refused(make, events):
    with pytest.raises(ValueError, match="state_bits must be 32, or 2 to 16, got 1"):
        make("leaky")(events(1, 1), state_bits=1)


@pytest.mark.parametrize(
    ("part", "settings", "named"),
    [
        (ReadoutConfig, {"width": 0}, "width must be at least 1, got 0"),
        (ReadoutConfig, {"strengths": -1}, "strengths must not be below 0, got -1"),
        (NeuronConfig, {"tau": 1.0}, "tau.*1.0"),
        (NeuronConfig, {"tau": float("inf")}, "tau.*inf"),
        (TokenMemoryConfig, {"tau": 0.5}, "tau.*0.5"),
        (NoMemoryConfig, {"channels": 0}, "channels must be at least 1, got 0"),
        (LeakyMemoryConfig, {"channels": 0}, "channels must be at least 1, got 0"),
        (LeakyMemoryConfig, {"looks_back": True}, "looks_back is for write gates"),
        (LeakyMemoryConfig, {"write_gates": 7}, "no multiple of write_gates 7"),
        (LeakyMemoryConfig, {"tau_range": (1000.0, 4.0)}, r"tau_range.*\(1000.0, 4.0\)"),
        (LeakyMemoryConfig, {"tau_range": (0.5, 4.0)}, r"tau_range.*\(0.5, 4.0\)"),
    ],
    ids=str,
)
def test_a_setting_that_fits_no_part_is_named_with_its_value(part, settings, named):
    with pytest.raises(ValueError, match=named) as error:
        part(**settings)
    assert "\n" not in str(error.value)


def test_strengths_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="channels 128 are not a multiple of strengths 7"):
        NeuroSVT(NeuroSVTConfig(readout=ReadoutConfig(strengths=7)))


def test_a_size_is_called_by_its_name():
    assert NeuroSVT("tiny").config is SIZES["tiny"]
    with pytest.raises(UserError, match="size 'tinny' is unknown; did you mean 'tiny'"):
        NeuroSVT("tinny")


# Parts of one's own.


class Halving(StepwiseMemory):
    """Half of what was, and what is said."""

    def update(self, state, said, step):
        return state * step.decayed(torch.tensor(0.5)) + said


class SoftReset(TokenNeuron):
    """Subtracts the threshold where it fires; learns it."""

    def __init__(self, width):
        super().__init__()
        self.threshold = torch.nn.Parameter(torch.ones(width))

    def react(self, charge):
        spikes = spike(charge - self.threshold)
        return spikes, charge - spikes.detach() * self.threshold


def own(config):
    memory = Halving(config.grid, config.width, channels=10)
    return NeuroSVT(config, memory=memory, neuron=SoftReset, heads=Heads(10, 8, config.classes))


def test_memory_neuron_and_heads_may_be_ones_own(make, events):
    model = own(make().config)
    assert model.passed_in == ("memory", "neuron", "heads")
    belief, state = model.train()(events(share=0.1), state_noise=0.1)
    assert state.memory.shape == (2, 10)
    sum(part.square().sum() for part in belief).backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    assert all(grad.isfinite().all() for grad in grads.values())
    assert grads["blocks.0.fire_in.threshold"].any()
    assert grads["memory.read.own"].any()


def test_parts_of_ones_own_keep_the_invariants(make, events):
    model = own(make().config).eval().on_grid()
    frames = events(12)
    frames[4:7] = False
    with torch.no_grad():
        whole, end = model(frames)
        one, state = model(frames[:5])
        two, end_again = model(frames[5:], state)
        _, dark_state = model(dark(3))
    torch.testing.assert_close(torch.cat([one.class_logits, two.class_logits]), whole.class_logits)
    torch.testing.assert_close(end.memory, end_again.memory)
    assert not dark_state.memory.any()


def test_noise_reaches_a_neuron_of_ones_own_without_its_doing(make, events):
    model = own(make().config).eval()
    with torch.no_grad():
        _, still = model(events(share=0.1))
        _, noisy = model(events(share=0.1), state_noise=0.3)
    assert not torch.equal(still.embed, noisy.embed)
    assert not torch.equal(still.memory, noisy.memory)


@pytest.mark.parametrize("frame_ms", [0.0, -5.0, float("nan")])
def test_a_frame_length_that_is_none_is_refused(make, frame_ms, events):
    with pytest.raises(ValueError, match=f"frame_ms.*{frame_ms}"):
        make()(events(1), frame_ms=frame_ms)


def test_an_unknown_backend_is_refused_at_once():
    with pytest.raises(ValueError, match=r"backend 'abacus' is unknown.*native"):
        NeuroSVT(backend="abacus")
