"""What is compared does the same thing, or the comparison would mean nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from neurosvt.bench import formats, neurons, peers, training
from neurosvt.formats import write_events
from neurosvt.ops.lif import lif


@pytest.mark.parametrize("peer", sorted(peers.PEER_NEURONS))
def test_peers_compute_the_same_neuron(peer):
    pytest.importorskip(peer)
    current = torch.randn(16, 3, 7)
    run = peers.PEER_NEURONS[peer]()
    expected, _ = lif(current, decay=0.5, backend="reference")
    for _ in range(2):  # from rest each time
        assert torch.equal(run(current), expected)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # norse, where installed
def test_every_candidate_runs(monkeypatch):
    monkeypatch.setattr(neurons, "LIF_SHAPE", (3, 2, 4, 8))
    monkeypatch.setattr(neurons, "BATCH_SHAPE", (20, 8))
    monkeypatch.setattr(neurons, "MEMORY_SHAPE", (5, 2, 8))
    found = list(neurons.neuron_candidates(compiled=False))
    for candidate in found:
        candidate.run()
    assert {"lif forward", "lif forward+backward"} <= {c.what for c in found}
    assert {"copy", "reference", "manual"} <= {c.name for c in found}


def test_spikformer_is_the_size_that_its_name_says():
    pytest.importorskip("spikingjelly")
    model = peers.spikformer()
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(2.6e6, rel=0.1)
    frames = torch.rand(2, 1, 2, 128, 128)
    assert model(frames).shape == (2, 1, 11)


@pytest.mark.slow
def test_steps_of_training_are_steps(monkeypatch):
    monkeypatch.setattr(training, "installed", list)
    ours = [c for c in training._gestures() if c.name == "neurosvt dvs128"]
    for candidate in ours:
        candidate.run()
    assert {c.dtype for c in ours} == {"fp32", "bf16"}


def test_readers_of_files_read_all_of_the_same_files(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))  # no recordings there
    found = list(formats.reading_candidates(5000))
    for candidate in found:
        candidate.run()
        assert candidate.elements == 5000
    assert {c.what for c in found if c.name == "neurosvt"} == {
        f"read {name}" for name in formats.MEASURED_FORMATS
    }


def test_recordings_of_cameras_are_read_too(data_root):
    found = [c for c in formats.reading_candidates(50) if ": " in c.what and c.name == "neurosvt"]
    assert [c.what for c in found] == [
        f"read {name}: {Path(file).stem}"
        for name, files in formats.CAMERA_FILES.items()
        for file in files
    ]
    assert all(c.run() == c.elements for c in found)


@pytest.mark.parametrize("name", ["evt3", "evt2", "dat", "aedat4"])
def test_faery_reads_the_same_events(name, tmp_path):
    faery = pytest.importorskip("faery")
    path, recording = tmp_path / f"a.{formats.MEASURED_FORMATS[name]}", formats.edges(5000)
    write_events(path, recording, name)
    events = np.concatenate(list(faery.events_stream_from_file(path)))
    for column, others in zip(("t", "x", "y", "p"), ("t", "x", "y", "on"), strict=True):
        np.testing.assert_array_equal(recording.events[column], events[others])


@pytest.mark.parametrize("name", ["evt3", "evt2", "dat", "aedat4"])
def test_eventcv_reads_the_same_events(name, tmp_path):
    eventcv = pytest.importorskip("eventcv")
    path, recording = tmp_path / f"a.{formats.MEASURED_FORMATS[name]}", formats.edges(5000)
    write_events(path, recording, name)
    events = eventcv.load(str(path), sensor_size=formats.SENSOR_SIDES).numpy()
    for column, place in zip(("x", "y", "p"), (0, 1, 3), strict=True):
        assert (
            recording.events[column]
            == (events[:, place] > 0 if column == "p" else events[:, place])
        ).all()
