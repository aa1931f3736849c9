"""Layers of neurons, dense and at the touched tokens alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.nn.neuron import LIF, ParametricLIF, checked_tau
from neurosvt.nn.token_neuron import TokenLIF, row_context
from neurosvt.ops.lif import lif
from neurosvt.ops.rows import pack


def test_tau_is_the_share_that_a_step_loses():
    v = torch.rand(5) * 0.9
    for tau in (1.1, 2.0, 20.0):
        spikes, end = LIF(tau)(torch.zeros(30, 5), v)
        assert not spikes.any()
        torch.testing.assert_close(end, v * (1 - 1 / tau) ** 30)


@pytest.mark.parametrize(
    "options",
    [{}, {"decay_input": True}, {"reset": "soft"}, {"threshold": 0.5}, {"backend": "reference"}],
    ids=str,
)
def test_a_layer_is_a_thin_shell_over_lif(options):
    current, v = 2 * torch.randn(7, 2, 5), torch.rand(2, 5)
    spikes, end = LIF(4.0, **options)(current, v)
    expected, expected_end = lif(current, v, decay=0.75, **options)
    assert torch.equal(spikes, expected)
    assert torch.equal(end, expected_end)


def test_a_layer_keeps_nothing():
    layer, current = LIF(), 2 * torch.randn(7, 2, 5)
    first, second = layer(current), layer(current)
    assert torch.equal(first[0], second[0])
    assert not layer.state_dict()


def test_a_learnt_tau_starts_where_it_is_told_and_has_a_gradient():
    layer, current = ParametricLIF(5, tau=4.0), 2 * torch.randn(9, 2, 5)
    torch.testing.assert_close(layer.decay(), torch.full((5,), 0.75))
    spikes, end = layer(current)
    expected, expected_end = LIF(4.0)(current)
    assert torch.equal(spikes, expected)
    torch.testing.assert_close(end, expected_end)
    (spikes.sum() + end.sum()).backward()
    assert (layer.w.grad != 0).all()


def test_every_w_is_a_time_constant():
    layer = ParametricLIF(5)
    with torch.no_grad():
        layer.w.copy_(torch.tensor([-30.0, -2.0, 0.0, 2.0, 30.0]))
    assert ((layer.decay() >= 0) & (layer.decay() <= 1)).all()
    assert layer.decay()[2] == 0.5


@pytest.mark.parametrize("tau", [1.0, 0.0, -3.0, float("nan")])
def test_a_tau_that_no_membrane_can_have_is_refused(tau):
    for make in (checked_tau, LIF, lambda tau: ParametricLIF(3, tau)):
        with pytest.raises(ValueError, match=f"tau must be > 1 time step and finite, got {tau}"):
            make(tau)


# At the touched tokens alone.


@pytest.mark.parametrize("decay", [0.5, torch.tensor([0.5, 0.25, 0.5, 0.125, 0.5])], ids=str)
def test_touched_tokens_fire_as_all_tokens_would(decay):
    """Powers of one half round nowhere, so equality is to the bit."""
    active = torch.rand(20, 2, 5) < 0.3
    rows = pack(active)
    current = 2 * torch.randn(20, 2, 5, 3) * active[..., None]
    v = torch.rand(2, 5, 3)
    every = decay[:, None] if isinstance(decay, torch.Tensor) else decay
    dense, end = lif(current, v, decay=every, backend="reference")
    at = row_context(rows, decay, 0.0, "auto")
    here = current.reshape(40, 5, 3)[rows.frame, rows.position]
    spikes, left = TokenLIF()(here, v, at)
    assert torch.equal(spikes, dense.reshape(40, 5, 3)[rows.frame, rows.position])
    since = (rows.since_event - 1)[..., None]
    kept = left * (every if isinstance(every, float) else every[None]) ** since
    untouched = ~active.any(0)
    assert torch.equal(left[untouched], v[untouched])
    torch.testing.assert_close(kept, end)


@given(cut=st.integers(1, 19), seed=st.integers(0, 2**16))
def test_decay_over_a_gap_is_the_same_however_it_is_cut(cut, seed):
    torch.manual_seed(seed)
    active = torch.rand(20, 2, 5) < 0.2
    current, v, layer = 2 * torch.randn(20, 2, 5, 3), torch.rand(2, 5, 3), TokenLIF()

    def run(steps, v, age):
        rows = pack(active[steps], age)
        here = current[steps].reshape(-1, 5, 3)[rows.frame, rows.position]
        spikes, v = layer(here, v, row_context(rows, 1 - 1 / 1.1, 0.0, "auto"))
        dense = torch.zeros(active[steps].numel(), 3)
        dense[rows.frame * 5 + rows.position] = spikes
        return dense, v, rows.since_event

    whole, end, age = run(slice(None), v, None)
    first, middle, middle_age = run(slice(None, cut), v, None)
    second, end_again, age_again = run(slice(cut, None), middle, middle_age)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end, end_again)
    assert torch.equal(age, age_again)


def test_noise_moves_touched_membranes():
    rows = pack(torch.ones(4, 1, 5, dtype=torch.bool))
    current, v, layer = torch.zeros(20, 3), torch.zeros(1, 5, 3), TokenLIF()
    spikes, left = layer(current, v, row_context(rows, 0.5, 0.01, "auto"))
    assert not spikes.any()
    assert 0 < left.abs().max() < 0.1


@pytest.mark.parametrize("decay", [0.1, 0.9])
def test_noise_at_a_touch_stands_for_noise_at_every_step_since_the_last(decay):
    active = torch.zeros(12, 1, 1, dtype=torch.bool)
    active[0] = active[11] = True
    at_touches = row_context(pack(active), decay, 0.01, "auto")
    steps = 0.01 * torch.randn(11, 100_000)
    membrane = torch.zeros(100_000)
    for noise in steps:
        membrane = decay * membrane + noise
    torch.testing.assert_close(at_touches.noise[-1, 0], membrane.std(), rtol=0.02, atol=0)
