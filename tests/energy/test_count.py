"""The meter against counts made by hand, spike by spike, or by another library."""

from dataclasses import astuple, fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from neurosvt.config import UserError
from neurosvt.energy import products
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.energy.products import Frames, attention, tally, tally_reference
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.recurrent import RecurrentConfig, RecurrentNet
from neurosvt.nn.attention import SpikeMix
from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.embed import EventFilter, Positions
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemory, LeakyMemoryConfig
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import StepwiseMemory
from neurosvt.nn.neuron import LIF
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.reads import PositionRead
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig
from neurosvt.nn.slope import FixedSlope
from neurosvt.nn.token_neuron import TokenLIF
from neurosvt.ops import native
from neurosvt.ops.lif import lif
from neurosvt.ops.memory import leaky_memory
from tests.energy.by_hand import attention_by_hand, convolution_by_hand

shares = st.sampled_from([0.0, 0.05, 0.5, 1.0])


def metered(model, *inputs, batch_axes=1):
    with torch.no_grad(), Meter(model, batch_axes) as meter:
        model(*inputs)
    assert not meter.unknown
    return meter


def some_frames(steps=8, batch=2, share=0.03):
    return torch.rand(steps, batch, 2, 32, 32) < share


LEAKY = LeakyMemoryConfig(channels=6)


def small_model(memory=LEAKY, folded=True, **settings):
    config = NeuroSVTConfig(
        image_size=32, kernel_size=8, width=8, heads=2, depth=2, memory=memory,
        readout=ReadoutConfig(width=8, depth=2), **settings,
    )  # fmt: skip
    model = NeuroSVT(config)
    for module in model.modules():
        if isinstance(module, ScaleNorm):
            module.momentum = 0.5
    for _ in range(8):
        model(some_frames(batch=8))
    # On the grid sums are exact, so that any chunks give the same spikes.
    return model.on_grid() if folded else model.eval()


MODELS = {
    "leaky": {},
    "filtered": {"least_neighbours": 1},
    "looking back": {"memory": LeakyMemoryConfig(channels=6, write_gates=3, looks_back=True)},
    "lif": {"memory": TokenMemoryConfig()},
    "none": {"memory": NoMemoryConfig(channels=6)},
}
models = pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS.keys())


def spatial(layers):
    """What was done before the memory."""
    total = Operations()
    for name, done in layers.items():
        if not name.startswith(("memory", "heads")) or name.startswith("memory.read"):
            total += done
    return total


# A whole model against a second count, made from what flowed.


@models
def test_a_whole_model_costs_what_its_parts_were_given(settings):
    model, frames = small_model(**settings), some_frames(steps=3)
    acs, updates, spikes, adds, macs = [], [], [], [], []

    def note(module, given, out):
        if isinstance(module, SpikeLinear):
            acs.extend(len(module.weight) for _ in given[0].nonzero())
        elif isinstance(module, PositionRead):
            acs.extend(module.shared.shape[1] for _ in given[0].nonzero())
        elif isinstance(module, TokenLIF):
            updates.extend(1 for _ in given[0].nonzero())
            spikes.extend(1 for _ in out[0].nonzero())
        elif isinstance(module, SpikeMix):
            for q, k, v in module.by_frame(*given):
                heads = zip(*(x.flatten(0, 1) for x in (q, k, v)), strict=True)
                acs.extend(attention_by_hand(*one) for one in heads)
        elif isinstance(module, Positions):
            adds.extend(module.table.shape[1] for row in given[0] if row.any())
        elif isinstance(module, LeakyMemory):
            updates.extend(1 for _ in out[0].flatten())
        elif isinstance(module, nn.Linear):  # of the heads
            real = [row for row in given[0].flatten(0, 1) if any(n not in (0, 1) for n in row)]
            macs.extend(len(row) * len(module.weight) for row in real)

    for block in model.blocks:  # both branches are added to the current of a token at work
        block.register_forward_hook(lambda m, given, out: adds.extend(2 * (1,) * given[0].numel()))
    for module in model.modules():
        module.register_forward_hook(note)
    meter = metered(model, frames, batch_axes=2)
    total = meter.total
    assert total.acs == sum(acs)
    assert total.updates == sum(updates)
    assert total.spikes == sum(spikes)
    before_heads = {n: done for n, done in meter.layers.items() if not n.startswith("heads")}
    before_heads.pop("filter")
    assert sum(done.adds for done in before_heads.values()) == sum(adds)
    looks = 0
    if getattr(settings.get("memory"), "looks_back", False):
        seen = meter.layers["memory"].comparisons // (6 + 3)  # gates and write gates of a frame
        looks = seen * 6 * (3 + 1)
    assert total.macs == sum(macs) + looks


@models
def test_frame_by_frame_costs_what_the_whole_does(settings):
    model, frames, state = small_model(**settings), some_frames(), None
    frames[3:5] = False
    whole = metered(model, frames, batch_axes=2).total
    with torch.no_grad(), Meter(model, batch_axes=2) as meter:
        for frame in frames:
            _, state = model(frame[None], state)
    assert meter.total == whole
    assert whole.acs > 0
    assert whole.updates > 0


@models
def test_sequences_cost_the_same_alone_and_together(settings):
    model, frames = small_model(**settings), some_frames(batch=3)
    whole = metered(model, frames, batch_axes=2).total
    alone = Operations()
    for i in range(3):
        alone += metered(model, frames[:, i : i + 1], batch_axes=2).total
    assert alone == whole


@models
def test_silent_frames_do_no_spatial_work_from_the_first_and_after_others(settings):
    model, silent = small_model(**settings), torch.zeros(5, 2, 2, 32, 32, dtype=torch.bool)
    assert not spatial(metered(model, silent, batch_axes=2).layers)
    with torch.no_grad():
        _, state = model(some_frames())
    meter = metered(model, silent, state, batch_axes=2)
    assert not spatial(meter.layers)
    assert meter.layers["heads.deeper.0"].macs > 0  # an answer is given at every step
    assert ("memory" in meter.layers) == isinstance(model.memory, LeakyMemory)


def test_norms_that_are_not_folded_are_charged():
    torch.manual_seed(0)
    charged = metered(small_model(folded=False), some_frames(), batch_axes=2).layers
    folded = metered(small_model(), some_frames(), batch_axes=2).layers
    # The counts of attention keep a scale, which is a threshold per channel.
    scaled = [
        {name for name, done in layers.items() if done.multiplies and "heads" not in name}
        for layers in (charged, folded)
    ]
    assert scaled[1] == {"blocks.0.attention.fire", "blocks.1.attention.fire"}
    assert scaled[0] > scaled[1] | {"embed.fire", "memory.read"}


def test_metering_leaves_no_hook_behind_and_changes_no_answer():
    model, frames = small_model(), some_frames()
    with torch.no_grad():
        plain, _ = model(frames)
        with Meter(model, batch_axes=2) as meter:
            metered_belief, _ = model(frames)
    for one, two in zip(plain, metered_belief, strict=True):
        assert torch.equal(one, two)
    with pytest.raises(ValueError, match="frames must be"), meter:
        model(torch.zeros(1, 1, 2, 7, 7, dtype=torch.bool))
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
    before = meter.total
    model(frames)
    assert meter.total == before


def test_what_happens_outside_of_the_model_is_not_its_work():
    model, x = nn.Linear(3, 4), torch.randn(2, 3)
    with torch.no_grad(), Meter(model) as meter:
        x @ x.T
        model(x)
        torch.randn(50, 50) @ torch.randn(50, 50)
    assert meter.total.macs == 24


def test_taking_the_total_starts_anew():
    model = nn.Linear(3, 4, bias=False)
    with torch.no_grad(), Meter(model) as meter:
        model(torch.randn(2, 3))
        first = meter.take()
        model(torch.randn(5, 3))
    assert (first.macs, meter.total.macs) == (24, 60)


# Layers by hand.


@given(
    rows=st.integers(0, 7), inputs=st.integers(1, 9), outputs=st.integers(1, 9), share=shares,
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_spike_costs_its_fan_out(rows, inputs, outputs, share, seed):
    generator = torch.Generator().manual_seed(seed)
    spikes = (torch.rand(rows, inputs, generator=generator) < share).float()
    expected = sum(outputs for _ in spikes.nonzero())
    for layer in (nn.Linear(inputs, outputs, bias=False), SpikeLinear(inputs, outputs).eval()):
        total = metered(layer, spikes).total
        assert (total.acs, total.macs, total.rows) == (expected, 0, rows)
        assert total.weights_each == expected


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan")])
def test_one_value_that_is_no_spike_makes_its_vector_multiplications(value):
    x = torch.ones(5, 101)
    x[4, 100] = value
    x[0, :30] = x[4, :20] = 0
    total = metered(nn.Linear(101, 3, bias=False), x).total
    assert (total.macs, total.macs_nonzero) == (101 * 3, 81 * 3)
    assert total.acs == (71 + 3 * 101) * 3
    images = x.reshape(5, 1, 1, 101)
    total = metered(nn.Conv2d(1, 3, 1, bias=False), images).total
    assert (total.macs, total.acs) == (101 * 3, (71 + 3 * 101) * 3)


@given(
    batch=st.integers(1, 3), groups=st.integers(1, 2), channels=st.integers(1, 2),
    filters=st.integers(1, 3), size=st.tuples(st.integers(4, 7), st.integers(4, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), stride=st.integers(1, 3),
    padding=st.integers(0, 2), dilation=st.integers(1, 2), transposed=st.booleans(),
    share=shares, seed=st.integers(0, 99),
)  # fmt: skip
def test_convolution_costs_the_windows_that_each_spike_lies_in(
    batch, groups, channels, filters, size, kernel, stride, padding, dilation, transposed, share,
    seed,
):  # fmt: skip
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    reach = [dilation * (k - 1) + 1 for k in kernel]
    if not transposed and any(n + 2 * padding < r for n, r in zip(size, reach, strict=True)):
        return
    if transposed and any(
        (n - 1) * stride - 2 * padding + r < 1 for n, r in zip(size, reach, strict=True)
    ):
        return
    layer = kind(
        groups * channels, groups * filters, kernel, stride, padding, dilation=dilation,
        groups=groups, bias=False,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    spikes = torch.rand(batch, groups * channels, *size, generator=generator) < share
    total = metered(layer, spikes.float()).total
    expected = convolution_by_hand(layer, spikes)
    assert (total.acs, total.macs) == (expected, 0)
    real = metered(layer, torch.full(spikes.shape, 0.5)).total
    assert real.macs_nonzero == convolution_by_hand(layer, torch.ones_like(spikes))
    assert real.macs >= real.macs_nonzero


@given(
    frames=st.integers(1, 3), heads=st.integers(1, 3), tokens=st.integers(1, 7),
    width=st.integers(1, 5), share=shares, seed=st.integers(0, 99),
)  # fmt: skip
def test_attention_costs_what_a_loop_over_spikes_counts(frames, heads, tokens, width, share, seed):
    """In functions that no module stands for, in the order in which they are written."""
    generator = torch.Generator().manual_seed(seed)
    shape = (3, frames, heads, tokens, width)
    q, k, v = (torch.rand(shape, generator=generator) < share).float()

    class Attention(nn.Module):
        def __init__(self, keys_first):
            super().__init__()
            self.keys_first = keys_first

        def forward(self, q, k, v):
            if self.keys_first:
                return (q @ k.transpose(-1, -2)) @ v
            return q @ (k.transpose(-1, -2) @ v)

    counts = [metered(Attention(first), q, k, v).total.acs for first in (True, False)]
    each = list(zip(*(x.flatten(0, 1) for x in (q, k, v)), strict=True))
    by_hand = [
        [attention_by_hand(*one, order) for one in each] for order in ("keys first", "values first")
    ]
    # Written as matrices, a count that is zero reaches nothing in the second order either.
    assert counts[0] == sum(by_hand[0])
    assert counts[1] <= sum(by_hand[1])


def test_the_cheaper_order_is_taken_for_each_head_of_each_frame():
    few, many = torch.zeros(2, 6, 4), torch.ones(2, 6, 4)
    few[:, 0, 0] = 1
    each = [attention(x[None], x[None], x[None]).acs for x in (few, many)]
    together = torch.stack([few, many])
    assert attention(together, together, together).acs == sum(each)
    assert each == [2 * 2, 2 * (6 * 16 + 24 * 4)]  # queries with keys; keys with values


def test_large_counts_are_exact():
    """Beyond 2^24 single precision knows even numbers only."""
    shape = (5001, 1, 1, 2000)
    q = k = torch.ones(1).expand(shape)
    v = torch.ones(2000)
    v[0] = 0
    assert attention(q, k, v.expand(shape)).acs == 5001 * (2000 + 1999)


def test_membranes_are_updated_where_current_comes_in():
    current = torch.tensor([[0.0, 0.4, 2.0], [0.0, 0.0, -1.0]])
    total = metered(LIF(), current).total
    assert (total.updates, total.spikes, total.states, total.multiplies) == (3, 1, 6, 0)


def test_neurons_of_one_step_are_compared_once_each():
    layer = BatchNormSpike(3, FixedSlope(1.0)).eval()
    x = torch.tensor([[0.0, 0.4, 2.0], [0.0, 3.0, -1.0]])
    total = metered(layer, x).total
    assert (total.comparisons, total.spikes, total.updates) == (6, 2, 0)


def test_the_event_filter_costs_its_events():
    frames = torch.zeros(2, 1, 2, 8, 8, dtype=torch.bool)
    frames[0, 0, 1, 3, 3] = frames[0, 0, 0, 3, 4] = frames[1, 0, 0, 0, 0] = True
    windows = NeuroSVTConfig(image_size=8, patch_size=4, kernel_size=8, least_events=2).windows()
    total = metered(EventFilter(windows, 1), frames, batch_axes=2).total
    # Eight neighbours of three events; the two that are left lie in all four windows each, which
    # are then held against the least number of events.
    assert (total.comparisons, total.adds) == (8 * 3 + 4, 2 * 4)


# Against other counters.


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)),
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
            2,
            enable_nested_tensor=False,
        ),
        nn.MultiheadAttention(8, 2, batch_first=True),
    ],
    ids=["convolutions", "encoder", "attention"],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_dense_networks_cost_half_their_flops(model, batch):
    """PyTorch's counter misses what is fused in eval mode, so it is shown the plain path."""
    model = model.eval()
    images = isinstance(model, nn.Sequential)
    x = torch.randn((batch, 3, 8, 8) if images else (batch, 5, 8))
    inputs = (x, x, x) if isinstance(model, nn.MultiheadAttention) else (x,)
    total = metered(model, *inputs).total
    with FlopCounterMode(display=False) as flops, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model.train()(*inputs)
    assert 2 * total.macs == flops.get_total_flops()
    assert total.acs == 0


def test_fused_attention_is_seen():
    q = torch.randn(2, 3, 5, 4)

    class Attention(nn.Module):
        def forward(self, q):
            return F.scaled_dot_product_attention(q, q, q)

    assert metered(Attention(), q).total.macs == 2 * (2 * 3 * 5 * 5 * 4)


@pytest.mark.parametrize("kind", ["gru", "lstm", "convlstm"])
def test_recurrent_networks_are_counted(kind):
    readout = ReadoutConfig(width=8, depth=2)
    config = RecurrentConfig(kind, image_size=16, patch_size=4, width=4, units=6, readout=readout)
    model, frames = RecurrentNet(config).eval(), torch.rand(5, 2, 2, 16, 16) < 0.2
    total = metered(model, frames, batch_axes=2).total
    steps, side = 10, 4
    heads = 6 * 8 + 8 * 8 + 8 * 15
    # Event frames are spikes, to the first layer of whatever network.
    assert total.acs == convolution_by_hand(model.see, frames.flatten(0, 1))
    read = 4 * side * side * 6
    if kind == "convlstm":
        inner = steps * side * side * 16 * (8 * 9)
    else:
        inner = steps * (3 if kind == "gru" else 4) * (6 * 6 + 6 * 6)
    # At rest the hidden state is all zeros, which are spikes that did not come.
    first = {"gru": 2 * 3 * 6 * 6, "lstm": 2 * 4 * 6 * 6, "convlstm": 0}[kind]
    assert total.macs == steps * (heads + read) + inner - first


class Recurrent(StepwiseMemory):
    """A memory of one's own, whose products are of the state, not of the tokens that fired."""

    def __init__(self, grid, width):
        super().__init__(grid, width, channels=6)
        self.cell = nn.GRUCell(6, 6)
        self.forget = nn.Linear(6, 6)

    def update(self, state, said, step):
        return self.cell(said + 2, self.forget(state))


def test_a_memory_of_ones_own_may_multiply_its_state():
    model = small_model()
    model = NeuroSVT(model.config, memory=Recurrent(model.config.grid, 8)).eval()
    frames = some_frames(steps=5, batch=3)
    found = metered(model, frames, batch_axes=2).layers
    each = 3 * 6 * 6
    assert found["memory.forget"].macs == 4 * each  # zeros at first: spikes that did not come
    assert found["memory.cell"].macs == 5 * 2 * 3 * each


def test_dysvit_multiplies_in_its_first_layer_and_in_its_head_alone():
    model = DySViT(config=DySViTConfig(width=32, depth=2, heads=2)).eval()
    for fire in model.neurons().values():
        fire.variance.fill_(0.01)
    meter = metered(model, torch.randn(3, 3, 32, 32))
    assert {name for name, done in meter.layers.items() if done.macs} == {"embed", "head"}
    assert meter.layers["embed"].macs == 3 * 64 * 48 * 32
    for name, module in model.named_modules():
        # Slope networks serve training alone.
        if isinstance(module, nn.Linear) and name != "head" and ".slope." not in name:
            assert meter.layers[name].acs > 0


def test_heads_are_charged_for_every_multiplication():
    heads = Heads(12, 16, 8, depth=2, strengths=3)
    total = metered(heads, torch.randn(5, 2, 12), batch_axes=2).total
    assert total.macs == 10 * (15 * 16 + 16 * 16 + 16 * 15)
    assert total.specials > 10 * 2 * 16  # of the GELUs, and what else is no product


def test_neurobench_counts_the_same():
    layers = pytest.importorskip("neurobench.metrics.utils.layers", reason="needs neurobench")
    spikes = (torch.rand(3, 4, 9, 9) < 0.2).float()
    numbers = torch.randn(3, 4, 9, 9) * spikes
    for layer, shape in (
        (nn.Conv2d(4, 5, 3, stride=2, padding=1), (3, 4, 9, 9)),
        (nn.Linear(324, 7), (3, 324)),
    ):
        for x in (spikes, numbers):
            x = x.reshape(shape)
            total = metered(layer, x).total
            theirs, spiking = layers.single_layer_MACs(x, layer)
            assert theirs == (total.acs if spiking else total.macs_nonzero)
            dense, _ = layers.single_layer_MACs(x, layer, total=True)
            padded = isinstance(layer, nn.Conv2d)
            assert spiking or padded or dense == total.macs


# Weights, and what is made of them.


def test_what_is_made_of_weights_alone_is_made_before():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3))
            self.log_scale = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return F.linear(x, self.weight * self.log_scale.exp()[:, None])

    total = metered(Scaled(), torch.randn(5, 3)).total
    assert (total.macs, total.multiplies, total.specials) == (60, 0, 0)
    assert total.weights_each == 60


@pytest.mark.parametrize("backend", ["kernel", "definition"])
def test_weights_are_read_once_a_frame_by_all_who_need_them(backend, monkeypatch):
    if backend == "definition":
        monkeypatch.setattr(products, "suits", lambda x: False)
    tokens = torch.zeros(2, 3, 5)  # two frames of three tokens
    tokens[0, :, 1] = tokens[0, 2, 4] = tokens[1, 0, 3] = 1
    total = metered(nn.Linear(5, 4, bias=False), tokens).total
    assert (total.weights_once, total.weights_each) == (3 * 4, 5 * 4)
    total = metered(nn.Linear(5, 4, bias=False), tokens + 0.5).total
    assert (total.weights_once, total.weights_each) == (2 * 20, 6 * 20)
    images = torch.zeros(3, 2, 4, 4)
    images[1, 0, 2, 2] = images[1, 0, 1, 1] = 1
    total = metered(nn.Conv2d(2, 3, 3, padding=1, bias=False), images).total
    assert (total.weights_once, total.weights_each) == (27, 2 * 27)


@given(
    rows=st.integers(1, 9), width=st.integers(1, 7), frames=st.integers(1, 4), share=shares,
    real=st.booleans(), half=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_kernel_tallies_as_the_definition_does(rows, width, frames, share, real, half, seed):
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(rows, width, generator=generator) < share).float()
    if real:
        x[torch.rand(rows, generator=generator) < 0.5] *= 0.5
    x = x.bfloat16() if half else x
    index = torch.randint(0, frames, (rows,), generator=generator)
    for where in (Frames(frames, index), Frames(rows)):
        assert tally(x, where) == tally_reference(x, where)


def test_operators_that_are_not_known_are_named():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.linalg.inv(x)

    with torch.no_grad(), Meter(Odd()) as meter:
        meter.model(torch.eye(3))
    assert meter.unknown == {"linalg_inv_ex": 1}


# Other libraries.


def test_neurons_of_snntorch_are_recognised():
    snntorch = pytest.importorskip("snntorch")

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 5)
            self.neurons = snntorch.Leaky(beta=0.9)

        def forward(self, x):
            mem, said = self.neurons.reset_mem(), []
            for step in x:
                spikes, mem = self.neurons(self.fc(step), mem)
                said.append(spikes)
            return torch.stack(said)

    spikes = (torch.rand(7, 2, 6) < 0.3).float()
    meter = metered(Net(), spikes, batch_axes=2)
    assert meter.layers["fc"].acs == 5 * spikes.sum()
    assert meter.layers["neurons"].updates == 7 * 2 * 5  # the bias comes in at every step
    assert meter.total.macs == 0


def test_operations_add_up():
    ones = Operations(*range(1, len(fields(Operations)) + 1))
    total = replace(ones)
    total += ones
    assert astuple(total) == tuple(2 * n for n in astuple(ones))
    assert total
    assert not Operations()


@pytest.mark.skipif(not native.BUILT, reason="the kernels were not built")
def test_neurons_called_as_a_function_are_counted_and_other_kernels_named():
    class Functional(nn.Module):
        def forward(self, x):
            return leaky_memory(*[lif(x, decay=0.5)[0]] * 2, x[0], torch.full((5,), 0.9))

    x = 2 * torch.rand(3, 2, 5)
    with torch.no_grad(), Meter(Functional()) as meter:
        meter.model(x)
    assert (meter.total.updates, meter.total.spikes) == (30, int(lif(x, decay=0.5)[0].sum()))
    with pytest.raises(UserError, match="neurosvt::leaky_memory"):
        meter.refuse_unknown()
