"""What is compared does the same thing, or the comparison would mean nothing."""

import pytest
import torch

from neurosvt.bench import neurons, peers, training
from neurosvt.ops.lif import lif


@pytest.mark.parametrize("peer", sorted(peers.NEURONS))
def test_peers_compute_the_same_neuron(peer):
    pytest.importorskip(peer)
    current = torch.randn(16, 3, 7)
    run = peers.NEURONS[peer]()
    expected, _ = lif(current, decay=0.5, backend="reference")
    for _ in range(2):  # from rest each time
        assert torch.equal(run(current), expected)


def test_every_candidate_runs(monkeypatch):
    monkeypatch.setattr(neurons, "LIF_SHAPE", (3, 2, 4, 8))
    monkeypatch.setattr(neurons, "BATCH_SHAPE", (20, 8))
    monkeypatch.setattr(neurons, "MEMORY_SHAPE", (5, 2, 8))
    found = list(neurons.candidates(compiled=False))
    for candidate in found:
        candidate.run()
    assert {"lif forward", "lif forward+backward"} <= {c.what for c in found}
    assert {"copy", "reference", "written"} <= {c.name for c in found}


def test_spikformer_is_the_size_that_its_name_says():
    pytest.importorskip("spikingjelly")
    model = peers.spikformer()
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(2.6e6, rel=0.1)
    frames = torch.rand(2, 1, 2, 128, 128)
    assert model(frames).shape == (2, 1, 11)


def test_steps_of_training_are_steps(monkeypatch):
    monkeypatch.setattr(training, "installed", list)
    ours = [c for c in training._gestures() if c.name == "neurosvt dvs128"]
    for candidate in ours:
        candidate.run()
    assert {c.dtype for c in ours} == {"fp32", "bf16"}
