"""Frames on another device: what is measured is asked of the models that it names."""

from neurosvt.bench import gpu_latency
from neurosvt.bench.films import scene_films
from neurosvt.cli import main
from neurosvt.experiments.checkpoints import load


def test_every_candidate_answers_a_frame(monkeypatch):
    """Of a machine with kernels, as far as a CPU can tell."""
    monkeypatch.setattr(gpu_latency, "why_not", lambda: None)
    monkeypatch.setattr(gpu_latency, "CAMERAS_AT_ONCE", (1, 3))
    film = scene_films()[-1]
    found = list(gpu_latency.gpu_candidates(load("permanence").model, [film]))
    assert len({(c.name, c.shape) for c in found}) == 6
    for candidate in found:
        assert candidate.run()[0].shape[1] == int(candidate.shape[-1])


def test_what_measures_the_cpu_takes_no_device(capsys, monkeypatch):
    monkeypatch.setattr("neurosvt.experiments.devices.checked_device", lambda name: None)
    assert main(["bench", "neurons", "--device", "cuda"]) == 2
    assert "--device is for bench latency" in capsys.readouterr().err
