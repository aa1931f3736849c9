"""Charge that outlasts its cause, gates that let go, and what stands in for the memory."""

import pytest
import torch

from neurosvt.nn.leaky_memory import LeakyMemory, LeakyMemoryConfig
from neurosvt.nn.memory import MemoryStep, StepwiseMemory
from neurosvt.nn.reads import PositionRead, in_time
from neurosvt.nn.short_memories import NoMemory, TokenMemory
from neurosvt.ops.lif import lif
from neurosvt.ops.products import UNIT
from neurosvt.ops.rows import pack
from neurosvt.sides import Sides

TOKENS, WIDTH, CHANNELS = 4, 3, 6


@pytest.fixture
def memory():
    return leaky().eval()


def leaky(tau=(4.0, 1000.0), **settings):
    config = LeakyMemoryConfig(channels=CHANNELS, tau_range=tau, **settings)
    return LeakyMemory(config, Sides.of(2), WIDTH)


def seen(steps=5, batch=2, share=0.5):
    rows = pack(torch.rand(steps, batch, TOKENS) < share)
    return (torch.rand(len(rows), WIDTH) < 0.5).float(), rows


def darkness(steps, batch=2):
    return torch.zeros(0, WIDTH), pack(torch.zeros(steps, batch, TOKENS, dtype=torch.bool))


def remember(memory, spikes, rows, v=None, noise=0.0, rate=1.0, bits=32):
    v = memory.start(rows.shape[1], torch.zeros(())) if v is None else v
    return memory(spikes, rows, v, MemoryStep(noise, rate, bits))


# The read.


def test_a_read_is_a_sum_over_tokens_through_weights_of_their_position():
    read = PositionRead(TOKENS, WIDTH, 5).eval()
    spikes, rows = seen()
    expected = torch.zeros(10, 5)
    for spike, frame, position in zip(spikes, rows.frame, rows.position, strict=True):
        expected[frame] += spike @ (read.shared + read.own[position]) * read.norm.scale()
    said = in_time(read(spikes, rows), rows)
    torch.testing.assert_close(said, expected.unflatten(0, (5, 2)))


def test_frames_without_rows_say_exactly_nothing_even_while_training():
    read = PositionRead(TOKENS, WIDTH, 5)
    active = torch.rand(5, 2, TOKENS) < 0.7
    active[1:3] = active[4, 0] = False
    rows = pack(active)
    said = in_time(read(torch.ones(len(rows), WIDTH), rows), rows)
    assert not said[1:3].any()
    assert not said[4, 0].any()
    assert said[0].all()


def test_folding_a_read_changes_answers_by_no_more_than_the_rounding():
    read = PositionRead(TOKENS, WIDTH, 5)
    for _ in range(10):
        read(*seen())
    spikes, rows = seen()
    before = read.eval()(spikes, rows)
    read.fold()
    assert torch.equal((read.own / UNIT).round() * UNIT, read.own)
    assert not read.shared.any()
    assert (read(spikes, rows) - before).abs().max() <= TOKENS * WIDTH * UNIT / 2 + 1e-5
    read.fold()
    assert torch.equal((read.own / UNIT).round() * UNIT, read.own)


# The leaky memory.


def test_learnt_time_constants_start_log_spaced(memory):
    tau = memory.tau()
    torch.testing.assert_close(tau[[0, -1]], torch.tensor([4.0, 1000.0]))
    torch.testing.assert_close(tau[1:] / tau[:-1], torch.full((5,), 250.0 ** (1 / 5)))
    assert memory.log_tau.requires_grad


def test_time_constants_survive_half_precision(memory):
    """What is stored rounds to within a part in a thousand of tau, where a decay would be lost."""
    exact = memory.tau().detach()
    for kind, tolerance in ((torch.float16, 0.004), (torch.bfloat16, 0.04)):
        stored = memory.log_tau.data.to(kind).float().exp()
        torch.testing.assert_close(stored, exact, rtol=tolerance, atol=0)
        decay, expected = 1 - 1 / stored, 1 - 1 / exact
        assert (decay - expected).abs().max() < tolerance / 4


@pytest.mark.parametrize("tau", [(1.0, 10.0), (10.0, 4.0), (-3.0, 4.0), (0.5, 0.6)])
def test_time_constants_that_make_no_sense_are_refused(tau):
    with pytest.raises(ValueError, match="longest last, got") as error:
        leaky(tau)
    assert str(tau) in str(error.value)


def test_a_time_constant_pushed_below_a_step_does_not_change_a_sign(memory):
    with torch.no_grad():
        memory.log_tau.fill_(-5.0)
    charge, _ = remember(memory, *darkness(3), v=torch.ones(2, CHANNELS))
    assert (charge >= 0).all()
    assert charge[0].max() < 0.01


def test_slow_channels_keep_their_charge_in_the_dark_and_a_lif_of_tau_two_loses_it(memory):
    v = torch.randn(2, CHANNELS)
    charge, end = remember(memory, *darkness(30), v=v)
    kept = end / v
    assert torch.equal(end, charge[-1])
    torch.testing.assert_close(kept, (1 - 1 / memory.tau()).pow(30).expand(2, -1))
    assert (kept[:, memory.tau() >= 999.9] > 0.95).all()
    _, membrane = lif(torch.zeros(30, 2, CHANNELS), v.abs().clamp(max=0.99), decay=1 - 1 / 2.0)
    assert membrane.max() < 1e-8


def test_silence_leaves_an_empty_memory_empty(memory):
    for training in (True, False):
        charge, end = remember(memory.train(training), *darkness(9))
        assert not charge.any()
        assert not end.any()


def test_a_spike_on_a_gate_empties_its_channel_before_the_drive_arrives(memory):
    """By hand: both channels are driven, the gate of the first is above threshold."""
    with torch.no_grad():
        memory.read.own.zero_()
        memory.read.shared.zero_()
        memory.read.shared[0, :2] = torch.tensor([0.25, 0.5])
        memory.read.shared[0, CHANNELS : CHANNELS + 2] = torch.tensor([1.1, 0.9])
    rows = pack(torch.tensor([[[True, False, False, False]]]))
    v = torch.full((1, CHANNELS), 8.0)
    (charge,), _ = remember(memory, torch.tensor([[1.0, 0.0, 0.0]]), rows, v=v)
    torch.testing.assert_close(charge[0, 0], torch.tensor(0.25), rtol=1e-4, atol=0)
    kept = 8 - 8 / memory.tau()
    torch.testing.assert_close(charge[0, 1], kept[1] + 0.5, rtol=1e-4, atol=0)
    torch.testing.assert_close(charge[0, 2:], kept[2:])


def test_a_frame_of_half_the_length_decays_half_as_far(memory):
    v = torch.randn(2, CHANNELS)
    whole, _ = remember(memory, *darkness(5), v=v)
    halves, _ = remember(memory, *darkness(10), v=v, rate=0.5)
    torch.testing.assert_close(halves[1::2], whole)
    torch.testing.assert_close(halves[0], v * (1 - 1 / memory.tau()).sqrt())


def test_noise_reaches_the_charge_at_every_step_also_in_the_dark(memory):
    charge, _ = remember(memory, *darkness(500), v=torch.zeros(2, CHANNELS), noise=0.01)
    decay = 1 - 1 / memory.tau()
    fresh = charge[1:] - charge[:-1] * decay
    torch.testing.assert_close(fresh.std().item(), 0.01, rtol=0.05, atol=0)
    assert (charge != 0).all()


def test_gradients_reach_read_and_time_constants():
    memory = leaky()
    charge, _ = remember(memory, *seen())
    charge.square().sum().backward()
    for name, parameter in memory.named_parameters():
        assert parameter.grad.any(), name
        assert parameter.grad.isfinite().all(), name


# What stands in for it.


def test_without_memory_darkness_says_nothing():
    memory = NoMemory(Sides.of(2), WIDTH, CHANNELS).eval()
    assert remember(memory, *seen())[0].any()
    dark, _ = remember(memory, *darkness(7))
    assert dark.shape == (7, 2, CHANNELS)
    assert not dark.any()


def test_a_token_memory_says_its_own_spikes():
    spikes, rows = seen()
    said, _ = remember(TokenMemory(WIDTH, 2.0), spikes, rows)
    expected = torch.zeros(10, WIDTH)
    for spike, frame, position in zip(spikes, rows.frame, rows.position, strict=True):
        if position == TOKENS - 1:
            expected[frame] = spike
    assert torch.equal(said, expected.unflatten(0, (5, 2)))
    assert not remember(TokenMemory(WIDTH, 2.0), *darkness(3))[0].any()


# Its settings, one change at a time.


def test_time_constants_that_do_not_learn_stay():
    memory = leaky(learns_tau=False)
    charge, _ = remember(memory, *seen())
    charge.square().sum().backward()
    assert memory.log_tau.grad is None
    assert memory.read.own.grad is not None


def test_channels_are_written_to_only_where_their_write_gate_spikes():
    memory = leaky(write_gates=2).eval()
    spikes, rows = seen(steps=1, batch=64)
    read = in_time(memory.read(spikes, rows), rows)[0]
    charge = remember(memory, spikes, rows)[0][0]
    open_ = (read[:, -2:] >= -1).float().repeat_interleave(CHANNELS // 2, -1)
    assert 0.05 < open_.mean() < 0.99
    torch.testing.assert_close(charge, read[:, :CHANNELS] * open_)


@pytest.mark.parametrize("looks_back", [True, False])
def test_write_gates_learn_and_leave_silence_silent(looks_back):
    memory = leaky(write_gates=3, looks_back=looks_back)
    charge, _ = remember(memory, *seen())
    charge.square().sum().backward()
    assert memory.read.own.grad[..., -3:].abs().sum() > 0
    if looks_back:
        assert memory.look.grad.abs().sum() > 0
    assert not remember(memory.eval(), *darkness(4))[0].any()


@pytest.mark.parametrize(
    "settings",
    [{}, {"write_gates": 3}, {"write_gates": 3, "looks_back": True}],
    ids=str,
)
def test_going_on_is_as_if_it_had_not_stopped(settings):
    memory = leaky(**settings).eval()
    memory.read.fold()  # on the grid, where sums do not depend on their order
    if settings.get("looks_back"):
        torch.nn.init.normal_(memory.look)
    active = torch.rand(8, 2, TOKENS) < 0.5
    dense = (torch.rand(16, TOKENS, WIDTH) < 0.5).float()

    def part(steps):
        rows = pack(active[steps])
        return dense[2 * steps.start :][rows.frame, rows.position], rows

    whole, end = remember(memory, *part(slice(0, 8)))
    one, v = remember(memory, *part(slice(0, 4)))
    two, end_again = remember(memory, *part(slice(4, 8)), v)
    torch.testing.assert_close(torch.cat([one, two]), whole)
    torch.testing.assert_close(end_again, end)


# Memories of one's own.


class Fading(StepwiseMemory):
    """Keeps nine tenths a step."""

    def update(self, state, said, step):
        return state * step.decayed(torch.tensor(0.9)) + said


class Forgetful(StepwiseMemory):
    """Takes no account of how long a step is."""

    def update(self, state, said, step):
        return 0.9 * state + said


def test_a_memory_of_one_step_is_run_over_time_and_goes_on():
    memory = Fading(Sides.of(2), WIDTH, CHANNELS).eval()
    spikes, rows = seen()
    said = in_time(memory.read(spikes, rows), rows)
    charge, end = remember(memory, spikes, rows)
    expected = torch.zeros(2, CHANNELS)
    for t in range(5):
        expected = expected * 0.9 + said[t]
        torch.testing.assert_close(charge[t], expected)
    later, _ = remember(memory, *darkness(3), v=end)
    torch.testing.assert_close(later[-1], end * 0.9**3)


def test_a_memory_of_one_step_is_disturbed_without_its_doing():
    memory = Fading(Sides.of(2), WIDTH, CHANNELS).eval()
    charge, _ = remember(memory, *darkness(500), noise=0.01)
    torch.testing.assert_close(
        (charge[1:] - 0.9 * charge[:-1]).std().item(), 0.01, rtol=0.05, atol=0
    )
    whole, _ = remember(memory, *darkness(3), v=torch.rand(2, CHANNELS), bits=8)
    assert torch.equal((2 * whole).round(), 2 * whole), "multiples of half a threshold"


@pytest.mark.parametrize(
    ("told", "missing"),
    [({"noise": 0.1}, "state_noise"), ({"rate": 2.0}, "frame_ms"), ({"bits": 8}, "state_bits")],
    ids=str,
)
def test_a_memory_that_forgets_what_it_is_judged_with_is_found_out(told, missing):
    step = MemoryStep(**told)
    with pytest.raises(ValueError, match=f"LeakyMemory took no account of {missing}"):
        step.check_taken(leaky())
    step = MemoryStep(**told)
    leaky()(*darkness(2), torch.zeros(2, CHANNELS), step)
    step.check_taken(leaky())


def test_a_memory_of_one_step_that_forgets_the_length_of_a_step_is_found_out():
    memory, step = Forgetful(Sides.of(2), WIDTH, CHANNELS), MemoryStep(0.1, 2.0, 8)
    memory(*darkness(2), torch.zeros(2, CHANNELS), step)
    with pytest.raises(ValueError, match="Forgetful took no account of frame_ms"):
        step.check_taken(memory)
