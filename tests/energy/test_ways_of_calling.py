"""However a model is called, the meter counts the same: what loops over its values count."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from neurosvt.config import UserError
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.nn.neuron import LIF
from tests.energy.test_random_networks import by_hand, drawn

GRADIENTS = {
    "grad": torch.enable_grad,
    "no_grad": torch.no_grad,
    "inference": torch.inference_mode,
}


class Driven(nn.Module):
    """A network, and several ways in."""

    def __init__(self, network: nn.Sequential):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.run(images=x)

    def run(self, images):
        for layer in self.network:
            images = layer(images)
        return images

    def by_functions(self, x):
        """As `torch.nn.functional` would be called, with no module around."""
        for layer in self.network:
            x = layer.forward(x)
        return x


def layer_by_layer(model, x):
    for layer in model.network:
        x = layer(x)
    return x


def functional(model, x):
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    return torch.func.functional_call(model, weights, (x,))


def compiled(model, x):
    return torch.compile(model, backend="eager")(x)


WAYS: dict[str, Callable] = {
    "forward": lambda model, x: model(x),
    "forward without its hooks": lambda model, x: model.forward(x),
    "keyword": lambda model, x: model(x=x),
    "method": lambda model, x: model.run(x),
    "method of functions": lambda model, x: model.by_functions(x),
    "submodule": lambda model, x: model.network(x),
    "layer by layer": layer_by_layer,
    "functional_call": functional,
    "wrapped": lambda model, x: nn.Sequential(nn.Identity(), model)(x),
    "sample by sample": lambda model, x: [model(one[None]) for one in x],
    "checkpoint": lambda model, x: checkpoint(model, x, use_reentrant=False),
}


def metered(model, call, gradients=torch.no_grad):
    with gradients(), Meter(model) as meter:
        call()
    assert not meter.unknown
    return meter.total


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**16), depth=st.integers(0, 2), batch=st.integers(1, 3),
    share=st.sampled_from([0.0, 0.1, 0.5]), real=st.booleans(), spiking=st.booleans(),
    way=st.sampled_from(sorted(WAYS)), gradients=st.sampled_from(sorted(GRADIENTS)),
)  # fmt: skip
def test_every_way_of_calling_counts_what_loops_do(
    seed, depth, batch, share, real, spiking, way, gradients
):
    model = Driven(drawn(seed, depth, spiking))
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(batch, 2, 9, 9, generator=generator) < share).float()
    if real:
        x[0] *= 0.7
    total = metered(model, lambda: WAYS[way](model, x), GRADIENTS[gradients])
    with torch.no_grad():
        expected = by_hand(model.network, x)
    assert (total.macs, total.acs, total.adds, total.comparisons) == expected
    assert total == metered(model, lambda: model(x))


def test_a_compiled_model_is_counted_as_it_is_written():
    model, x = Driven(drawn(3, 1, True)), torch.rand(2, 2, 9, 9)
    expected = metered(model, lambda: model(x))
    before = torch.compile(model, backend="eager")
    before(x)
    assert metered(model, lambda: before(x)) == expected
    assert metered(model, lambda: compiled(model, x)) == expected


def test_answers_are_the_same_kind_of_tensor_as_without_a_meter():
    model, x = nn.GRU(5, 6, batch_first=True), torch.rand(2, 4, 5)
    with torch.inference_mode():
        plain, _ = model(x)
        with Meter(model):
            heard, _ = model(x)
    torch.testing.assert_close(plain, heard)
    assert heard.is_inference()


class Attends(nn.Module):
    """Products in a method, of weights of its own and of what they make."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(8, 4))
        self.linear = nn.Linear(4, 4, bias=False)

    def encode(self, x):
        q = self.linear(x @ self.weight)
        return torch.relu(q @ q.T)

    def forward(self, x):
        return self.encode(x)


def encoded_from_outside(model, x):
    q = model.linear(x @ model.weight)
    return torch.relu(q @ q.T)


@pytest.mark.parametrize("gradients", GRADIENTS.values(), ids=GRADIENTS.keys())
@pytest.mark.parametrize(
    "call", [lambda m, x: m.encode(x), encoded_from_outside], ids=["method", "function"]
)
def test_methods_and_functions_of_weights_are_heard(call, gradients):
    model, x = Attends(), torch.rand(2, 8) + 0.1
    with gradients(), Meter(model) as meter:
        call(model, x)
    assert meter.layers["Attends"].macs == 2 * 8 * 4 + 2 * 4 * 2
    assert meter.layers["Attends"].comparisons == 4
    assert meter.layers["linear"].macs == 2 * 4 * 4
    assert meter.total == metered(model, lambda: model(x))


def test_other_models_losses_and_optimizers_are_not_this_models_work():
    model, other, x = Attends(), nn.Linear(8, 4), torch.rand(2, 8)
    optimizer = torch.optim.AdamW(model.parameters())
    expected = metered(model, lambda: model(x))

    def train():
        said = model(x)
        loss = nn.MSELoss()(said, torch.zeros(2, 2)) + other(x).sum() + said.softmax(-1).sum()
        loss.backward()
        optimizer.step()
        copy.deepcopy(model)(x)

    assert metered(model, train, torch.enable_grad) == expected


def test_two_meters_hear_each_its_own_model_and_not_each_other():
    outer, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.rand(5, 4)
    expected = metered(outer, lambda: outer(x))
    inner = metered(outer[2], lambda: outer(x))
    with torch.no_grad(), Meter(outer) as whole, Meter(outer[2]) as part, Meter(outer) as again:
        outer(x)
    assert whole.total == again.total == expected
    assert part.total == inner
    assert inner.adds == 10


@pytest.mark.parametrize("gradients", GRADIENTS.values(), ids=GRADIENTS.keys())
def test_after_an_exception_the_next_call_is_counted_rightly(gradients):
    class Raises(nn.Module):
        def forward(self, x):
            spikes, _ = x
            if spikes.shape[0] == 1:
                raise ArithmeticError("one")
            return spikes

    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Sequential(LIF(), Raises()))
    x = torch.ones(2, 4)
    expected = metered(model, lambda: model(x))
    with gradients(), Meter(model) as meter:
        with pytest.raises(ArithmeticError):
            model(x[:1])
        meter.take()
        with pytest.raises(RuntimeError):
            model(torch.ones(2, 5))
        assert not meter.take()
        model(x)
    assert meter.total == expected
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
    with pytest.raises(ArithmeticError), Meter(model):
        model(x[:1])
    assert metered(model, lambda: model(x)) == expected


def test_calls_that_cannot_be_listened_to_are_named():
    model, x = nn.Sequential(nn.Linear(8, 3)), torch.rand(2, 8)
    with Meter(model) as meter, ThreadPoolExecutor(1) as pool:
        list(pool.map(model, [x]))
    assert "0 in another thread" in meter.unknown
    with pytest.raises(UserError, match="another thread"):
        meter.refuse_unknown()


class Foreign(nn.Module):
    """Neurons called by keyword, with what comes first named last."""

    def __init__(self, neurons):
        super().__init__()
        self.neurons = neurons

    def forward(self, **call):
        return self.neurons(**call)


@pytest.mark.parametrize("names", [("current",), ("v", "current")], ids=["one", "reordered"])
def test_neurons_called_by_keyword_are_counted(names):
    given = {"current": torch.rand(3, 8) + 0.1, "v": torch.zeros(8)}
    model = Foreign(LIF())
    total = metered(model, lambda: model(**{name: given[name] for name in names}))
    assert total.updates == 24


def test_neurons_of_snntorch_called_by_keyword_are_counted():
    snntorch = pytest.importorskip("snntorch")
    model = Foreign(snntorch.Leaky(beta=0.9))
    total = metered(model, lambda: model(mem=torch.zeros(2, 8), input_=torch.rand(2, 8) + 0.1))
    assert total.updates == 16


# States.


class Recurrent(nn.Module):
    """Remembers in a buffer, in one of several ways."""

    def __init__(self, keeps):
        super().__init__()
        self.keeps = keeps
        self.into = nn.Linear(4, 8, bias=False)
        self.back = nn.Linear(8, 8, bias=False)
        self.register_buffer("state", None if keeps == "none at first" else torch.rand(1, 8) + 0.1)

    def forward(self, x):
        now = self.into(x)
        if self.state is not None:
            now = now + self.back(self.state)
        now = torch.tanh(now)
        if self.keeps == "in place":
            self.state.copy_(now)
        else:
            self.state = now
        return now


@pytest.mark.parametrize("gradients", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize("keeps", ["in place", "by assignment", "none at first"])
def test_states_in_buffers_are_no_weights_from_the_first_step(keeps, blocks, gradients):
    model, counts = Recurrent(keeps), []
    meter = Meter(model)
    with gradients():
        for _ in range(blocks):
            with meter:
                for _ in range(4 // blocks):
                    model(torch.rand(1, 4) + 0.1)
                    counts.append(meter.take())
    first = 32 if keeps == "none at first" else 96
    assert [done.macs for done in counts] == [first, 96, 96, 96]
    assert [done.specials for done in counts] == [8] * 4


def test_what_is_made_of_a_state_is_no_weight_either():
    class Leaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("membrane", torch.ones(8))
            self.decay = nn.Parameter(torch.full((8,), 0.9))
            self.scale = nn.Parameter(torch.ones(8))

        def forward(self, x):
            left = self.membrane * (self.decay * self.scale)  # the second product is made before
            self.membrane.copy_(left + x)
            return self.membrane > 1

    model = Leaks()
    with torch.no_grad(), Meter(model) as meter:
        counts = []
        for _ in range(3):
            model(torch.rand(8))
            counts.append(meter.take())
    assert [(done.multiplies, done.adds, done.comparisons) for done in counts] == [(8, 8, 8)] * 3


def test_running_statistics_in_training_are_no_weights():
    class Folds(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x):
            self.norm(x)
            return x * self.norm.running_var.rsqrt()

    model, x = Folds(), torch.rand(5, 4)
    assert metered(model.train(), lambda: model(x)).specials == 4 + 4
    assert metered(model.eval(), lambda: model(x)).specials == 0


def test_what_a_weight_was_before_it_was_freed_is_nothing():
    """Memory of a freed tensor is given to another, which flows."""
    model = nn.Linear(64, 64, bias=False)
    with torch.no_grad(), Meter(model) as meter:
        for _ in range(4):
            functional(Driven(nn.Sequential(model)), torch.rand(64, 64) + 0.1)
            model(torch.rand(64, 64) + 0.1)
    assert meter.total == Operations.summed(
        [metered(model, lambda: model(torch.rand(64, 64) + 0.1)) for _ in range(8)]
    )
