"""The memories of the ablation: each is the leaky one but for what its name says."""

import runpy
from pathlib import Path

import pytest
import torch

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.memory import MEMORIES, MemoryStep
from neurosvt.nn.reads import in_time
from neurosvt.ops.rows import pack
from neurosvt.sides import Sides

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ablated_memories.py"
OWN = runpy.run_path(str(SCRIPT))
TOKENS, WIDTH, CHANNELS = 4, 3, 6


def memory(kind, **settings):
    config = MEMORIES[kind](kind=kind, channels=CHANNELS, **settings)
    return config.build(Sides.of(2), WIDTH).eval()


def seen(steps=5, batch=2, share=0.5):
    rows = pack(torch.rand(steps, batch, TOKENS) < share)
    return (torch.rand(len(rows), WIDTH) < 0.5).float(), rows


def remember(memory, spikes, rows):
    return memory(spikes, rows, torch.zeros(rows.shape[1], CHANNELS), MemoryStep())


def test_without_gates_what_was_written_adds_up():
    own = memory("ungated")
    spikes, rows = seen()
    drive = in_time(own.read(spikes, rows), rows)
    charge, _ = remember(own, spikes, rows)
    expected = torch.zeros_like(drive[0])
    for step, d in enumerate(drive):
        expected = expected * (1 - 1 / own.tau()) + d
        torch.testing.assert_close(charge[step], expected)


def test_a_divided_drive_writes_less_the_slower_the_channel():
    whole, divided = memory("leaky"), memory("divided_drive")
    divided.load_state_dict(whole.state_dict())
    spikes, rows = seen(steps=1)
    one, other = (remember(m, spikes, rows)[0] for m in (whole, divided))
    torch.testing.assert_close(other * whole.tau(), one)


@pytest.mark.parametrize(("kind", "fires", "resets"), [
    ("leaky", False, False), ("resetting", False, True), ("spikes_out", True, False),
])  # fmt: skip
def test_a_channel_that_fires_says_so_or_is_emptied(kind, fires, resets):
    own = memory(kind)
    with torch.no_grad():
        own.read.shared.zero_()
        own.read.shared[:, :CHANNELS] = 2.0
    spikes, rows = torch.ones(2, WIDTH), pack(torch.eye(2, TOKENS, dtype=torch.bool)[:, None])
    said, left = remember(own, spikes, rows)
    if fires:
        assert torch.equal(said, torch.ones_like(said))
    elif resets:
        assert not said.any()
        assert not left.any()
    else:
        assert (said > 1).all()


@pytest.mark.parametrize("kind", ["ungated", "divided_drive", "resetting", "spikes_out"])
def test_one_may_stop_and_go_on(kind):
    own = memory(kind, write_gates=3, looks_back=True)
    own.read.fold()  # on the grid, where sums do not depend on their order
    active = torch.rand(8, 2, TOKENS) < 0.5
    dense = (torch.rand(16, TOKENS, WIDTH) < 0.5).float()

    def part(steps):
        rows = pack(active[steps])
        return dense[2 * steps.start :][rows.frame, rows.position], rows

    whole, end = remember(own, *part(slice(0, 8)))
    one, v = remember(own, *part(slice(0, 4)))
    two, end_again = own(*part(slice(4, 8)), v, MemoryStep())
    torch.testing.assert_close(torch.cat([one, two]), whole)
    torch.testing.assert_close(end_again, end)


def test_a_memory_that_reads_by_attention_runs_but_not_on_the_grid():
    config = MEMORIES["read_by_attention"](kind="read_by_attention", write_gates=4)
    model = NeuroSVT(NeuroSVTConfig(memory=config)).eval()
    belief, _ = model(torch.rand(3, 2, 2, 64, 64) < 0.05)
    assert belief.position.shape == (3, 2, 2)
    with pytest.raises(ValueError, match="ReadByAttention cannot be put on the grid"):
        model.on_grid()


def test_all_are_kinds_with_the_settings_of_the_leaky_one():
    kinds = {"ungated", "divided_drive", "resetting", "spikes_out", "read_by_attention"}
    assert kinds <= MEMORIES.keys()
    assert all(issubclass(MEMORIES[kind], LeakyMemoryConfig) for kind in kinds)


def test_attention_reads_nothing_of_silence_and_no_neighbour():
    read = OWN["AttentionRead"](8, 6).eval()
    with torch.no_grad():
        read.query.fill_(1.0)
        read.keys.weight.fill_(2.0)
    active = torch.rand(5, 3, TOKENS) < 0.5
    active[2] = False
    active[:, 1] |= active.any(-1)[:, 1:2].logical_not()  # never wholly silent
    active[2] = False
    rows = pack(active)
    spikes = (torch.rand(len(rows), 8) < 0.6).float()
    said = in_time(read(spikes, rows), rows)
    assert said.shape == (5, 3, 6)
    assert not said[2].any()
    mine = rows.frame % 3 == 1
    own = pack(active[:, 1:2])
    alone = in_time(read(spikes[mine], own), own)
    torch.testing.assert_close(alone[:, 0], said[:, 1])
    said.sum().backward()
    assert read.out.weight.grad.abs().sum() > 0
