"""The leaky memory's recursion against its definition, and the laws it rests on."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.ops.gated_memory import gated_memory
from neurosvt.ops.memory import RANGE, leaky_memory, leaky_memory_stepwise, stored


def inputs(steps=9, batch=3, channels=5, share=0.3):
    drive = torch.randn(steps, batch, channels)
    gate = (torch.rand(steps, batch, channels) < share).float()
    return drive, gate, torch.randn(batch, channels), torch.rand(channels)


@pytest.mark.parametrize("backend", ["native", "manual"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 3, 5), (7, 2, 1), (200, 1, 3), (64, 9, 100)], ids=str
)
def test_manual_passes_agree_with_the_definition(shape, backend):
    start = inputs(*shape)
    # Gates between 0 and 1 as well: that is where the surrogate's gradient looks.
    start = (start[0], torch.rand(shape), *start[2:])
    weight = torch.randn(shape)
    results = []
    for name in (backend, "reference"):
        leaves = [x.clone().requires_grad_() for x in start]
        charge = leaky_memory(*leaves, backend=name)
        results.append((charge, torch.autograd.grad((weight * charge).sum(), leaves)))
    (charge, grads), (expected, expected_grads) = results
    assert torch.equal(charge, expected)
    torch.testing.assert_close(grads, expected_grads, rtol=1e-5, atol=1e-5 * max(1, shape[1]))


def test_a_gate_empties_its_channel_before_the_new_drive_arrives():
    drive = torch.tensor([[[3.0, 3.0]], [[0.5, 0.5]]])
    gate = torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]]])
    charge = leaky_memory(drive, gate, torch.full((1, 2), 4.0), torch.tensor([0.5, 0.5]))
    assert charge.tolist() == [[[5.0, 5.0]], [[0.5, 3.0]]]


def test_without_drive_charge_only_decays():
    v, decay = torch.randn(2, 5), torch.rand(5)
    nothing = torch.zeros(30, 2, 5)
    charge = leaky_memory(nothing, nothing, v, decay)
    expected = v * decay.pow(torch.arange(1, 31)[:, None, None])
    torch.testing.assert_close(charge, expected)
    assert not leaky_memory(nothing, nothing, torch.zeros(2, 5), decay).any()


@given(cut=st.integers(1, 8), seed=st.integers(0, 2**16))
def test_stopping_and_going_on_changes_nothing(cut, seed):
    torch.manual_seed(seed)
    drive, gate, v, decay = inputs()
    whole = leaky_memory(drive, gate, v, decay)
    first = leaky_memory(drive[:cut], gate[:cut], v, decay)
    second = leaky_memory(drive[cut:], gate[cut:], first[-1], decay)
    assert torch.equal(torch.cat([first, second]), whole)


def test_charge_is_kept_in_float32_whatever_the_drive_has():
    drive, gate, v, _ = inputs()
    decay = torch.full((5,), 1 - 1 / 1000)
    charge = leaky_memory(drive.bfloat16(), gate.bfloat16(), v, decay)
    assert charge.dtype == torch.float32
    assert torch.equal(charge, leaky_memory(drive.bfloat16().float(), gate, v, decay))


def test_inputs_are_left_as_they_were():
    start = inputs()
    before = [x.clone() for x in start]
    leaves = [x.requires_grad_() for x in start]
    leaky_memory(*leaves).sum().backward()
    assert all(torch.equal(x, y) for x, y in zip(start, before, strict=True))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_charge_of_few_bits_is_a_whole_number_of_steps_within_its_range(bits):
    drive, *rest = inputs(steps=40)
    charge, *_ = leaky_memory_stepwise(100 * drive, *rest, bits=bits)
    steps = charge / (RANGE / 2 ** (bits - 1))
    assert torch.equal(steps, steps.round())
    assert steps.min() == -(2 ** (bits - 1))
    assert steps.max() == 2 ** (bits - 1) - 1


@pytest.mark.parametrize("bits", [8, 16])
def test_on_average_a_charge_of_few_bits_leaks_as_a_float_does(bits):
    """Rounded to the nearest, it would not leak at all: a step of 8 bits is half a threshold."""
    batch, tau = 4000, 100.0
    drive = torch.zeros(50, batch, 1)
    start = torch.full((batch, 1), 10.0)
    decay = torch.tensor([1 - 1 / tau])
    charge = leaky_memory_stepwise(drive, drive, start, decay, bits=bits)[0][-1]
    exact = 10 * (1 - 1 / tau) ** 50
    assert charge.mean().item() == pytest.approx(exact, abs=5 * charge.std().item() / batch**0.5)
    assert charge.std().item() < 70 / 2**bits * 8


def test_with_bits_enough_it_is_the_float_memory():
    drive, gate, v, decay = inputs(steps=20)
    charge, *_ = leaky_memory_stepwise(drive, gate, v, decay, bits=24)
    torch.testing.assert_close(charge, leaky_memory(drive, gate, v, decay), atol=1e-3, rtol=0)
    assert stored(charge, 24).sub(charge).abs().max() < 1e-4


def test_step_by_step_it_is_the_same_recursion():
    drive, gate, v, decay = inputs(steps=20)
    noise = 0.1 * torch.randn_like(drive)
    charge, spikes, _ = leaky_memory_stepwise(drive, gate, v, decay, noise=noise)
    torch.testing.assert_close(charge, leaky_memory(drive + noise, gate, v, decay))
    assert torch.equal(spikes, (charge >= 1).float())


def test_a_closed_gate_leaves_a_frame_out_and_noise_in():
    drive, gate, v, decay = inputs(steps=6, channels=4)
    noise = 0.1 * torch.randn_like(drive)
    write = torch.full((6, 3, 2), 9.0)
    write[2, :, 1] = -9.0  # the second half of the channels, in the third frame
    charge, *_ = leaky_memory_stepwise(drive, gate, v, decay, noise=noise, write=write)
    left_out, closed = drive.clone(), gate.clone()
    left_out[2, :, 2:], closed[2, :, 2:] = 0, 0
    torch.testing.assert_close(charge, leaky_memory(left_out + noise, closed, v, decay))


def test_a_write_takes_a_share_away_and_darkness_takes_none():
    """One channel loses a half to each write, the other nothing; neither leaks."""
    drive = torch.tensor([4.0, 0.0, 2.0, 0.0, 2.0])[:, None, None].expand(5, 1, 2)
    write = torch.where(drive[..., :1] > 0, 9.0, -9.0)
    charge, *_ = leaky_memory_stepwise(
        drive, torch.zeros(5, 1, 2), torch.zeros(1, 2), torch.ones(2), write=write,
        forget=torch.tensor([0.5, 0.0]),
    )  # fmt: skip
    assert charge[:, 0].T.tolist() == [[4, 4, 4, 4, 4], [4, 4, 6, 6, 8]]


def test_what_is_remembered_can_close_a_gate():
    """A gate that shuts once its first channel is charged: the first frame is kept for ever."""
    drive = torch.ones(5, 2, 4)
    decay = torch.ones(4)
    look = torch.zeros(4, 1)
    look[0] = -9.0
    charge, *_ = leaky_memory_stepwise(
        drive, torch.zeros(5, 2, 4), torch.zeros(2, 4), decay,
        write=torch.zeros(5, 2, 1), look=look,
    )  # fmt: skip
    assert torch.equal(charge, torch.ones(5, 2, 4))


@pytest.mark.parametrize("forgets", [True, False])
@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("noisy", [True, False])
@pytest.mark.parametrize("some_silent", [True, False])
@pytest.mark.parametrize(("shape", "groups"), [((1, 1, 2), 1), ((7, 3, 12), 4), ((90, 5, 64), 16)])
def test_gates_by_the_kernel_agree_with_the_definition_forwards_and_backwards(
    shape, groups, looks, noisy, some_silent, forgets
):
    steps, batch, channels = shape
    drive, _, v, decay = inputs(*shape)
    gate = torch.rand(shape)  # between 0 and 1 as well, where the surrogate's gradient looks
    write = torch.randn(steps, batch, groups) - 0.5
    look = torch.randn(channels, groups) / channels**0.5 if looks else None
    forget = torch.rand(channels) if forgets else None
    noise = 0.1 * torch.randn(shape) if noisy else None
    weight = torch.randn(shape)
    said = torch.rand(steps, batch) < 0.4 if some_silent else None
    if said is not None:
        drive, gate, write = (x * said[..., None] for x in (drive, gate, write))
    leaves = [x.clone().requires_grad_() for x in (drive, gate, write, v, decay)]
    leaves += [x.clone().requires_grad_() for x in (look, forget) if x is not None]
    found, on_wants = [], torch.randn(steps, batch, groups)
    for way in ("auto", "reference"):
        seeing, losing = (leaves[5] if looks else None), (leaves[-1] if forgets else None)
        charge, wants = gated_memory(
            *leaves[:5], seeing, noise, backend=way, said=said, forget=losing
        )
        cost = (weight * charge).sum() + (on_wants * wants).sum()
        found.append(((charge, wants), torch.autograd.grad(cost, leaves)))
    (charge, grads), (expected, expected_grads) = found
    torch.testing.assert_close(charge, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grads, expected_grads, rtol=1e-4, atol=1e-4)
