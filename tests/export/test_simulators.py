"""What is written as NIR fires spike for spike alike in simulators that others have written."""

import contextlib
import io
import json
import warnings
from itertools import islice

import numpy as np
import pytest
import torch

from neurosvt import make_scenes
from neurosvt.classification.accuracy import as_input
from neurosvt.datasets.nmnist import load_nmnist
from neurosvt.events.windows import TimeWindows
from neurosvt.experiments.checkpoints import load
from neurosvt.export.dysvit_split import run_dysvit
from neurosvt.export.neurosvt_host import NeuroSVTHost
from neurosvt.export.nir import IMPORTERS, export_nir, split_model
from neurosvt.export.nir_graph import nir_graph
from neurosvt.export.subgraph import Fired, PlainRuntime, Split, Subgraph
from neurosvt.formats.recordings import open_recording
from neurosvt.models.dysvit import DySViT
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from tests.export.simulators import SIMULATORS, Compared

nir = pytest.importorskip("nir", reason="nir is not installed (extra: export)")

TRACKS = LeakyMemoryConfig(
    channels=12, write_gates=4, looks_back=True, forget_range=(0.03, 0.9), tracks=4
)
LEAK = ("memory.leak",)
RECORDINGS = {
    "object": ("permanence", "dvs128_objects/aedat/box_rec2.aedat"),
    "pendulum": ("permanence", "dvs128_objects/aedat/misc_pendulo.aedat"),
    "digit": ("nmnist", None),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """written(name): a shipped model in the form in which it is exported, its split, its files."""
    done = {}

    def write(name):
        if name not in done:
            model, folder = load(name).model, tmp_path_factory.mktemp(name)
            export_nir(model, folder)
            done[name] = (*split_model(model), folder)
        return done[name]

    return write


def assert_equal_spikes(compared, split, least):
    assert compared.asked == set(split.subgraphs) - set(LEAK)
    assert compared.spikes > least
    assert compared.differing == 0
    assert compared.furthest < 1e-5  # of what is a real number


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("tier", ["curtain", "leaves"])
def test_simulated_scenes(written, simulator, tier):
    model, split, folder = written("permanence")
    scenes = make_scenes(tier, seed=3, batch=2, seen=12, hidden=8, after=4)
    compared = Compared(PlainRuntime(split), SIMULATORS[simulator](folder), skip=LEAK)
    NeuroSVTHost(model, compared)(torch.from_numpy(scenes.frames))
    assert_equal_spikes(compared, split, 10_000)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("shown", RECORDINGS)
def test_real_recordings(written, data_root, simulator, shown):
    name, path = RECORDINGS[shown]
    model, split, folder = written(name)
    side = model.config.image_size
    try:
        what = load_nmnist("test", data_root)[0] if path is None else data_root / path
        with open_recording(what) as opened:
            windows = list(islice(opened.windows(TimeWindows(10_000), side), 50))
    except FileNotFoundError as error:
        pytest.skip(f"a recording is not at hand: {error}")
    frames = torch.from_numpy(np.stack([window.frame(side) for window in windows]))[:, None]
    compared = Compared(PlainRuntime(split), SIMULATORS[simulator](folder), skip=LEAK)
    found = NeuroSVTHost(model, compared)(frames)
    assert_equal_spikes(compared, split, 1000)
    with torch.no_grad():
        right, _ = model(frames)
    torch.testing.assert_close(tuple(found), tuple(right), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_memory_with_tracks(make, events, tmp_path, simulator):
    model = make(TRACKS, depth=2, least_neighbours=1, least_events=1)
    export_nir(model, tmp_path)
    model, split = split_model(model)
    compared = Compared(PlainRuntime(split), SIMULATORS[simulator](tmp_path), skip=LEAK)
    NeuroSVTHost(model, compared)(events(steps=30, share=0.15))
    assert {"tracks.vote", "heads.choose", "embed"} <= compared.asked
    assert_equal_spikes(compared, split, 1000)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_images_of_cifar10(written, data_root, simulator):
    model, split, folder = written("dysvit")
    try:
        images = as_input(load("dysvit").run.samples("test"), np.arange(4))
    except FileNotFoundError as error:
        pytest.skip(f"CIFAR-10 is not at hand: {error}")
    compared = Compared(PlainRuntime(split), SIMULATORS[simulator](folder))
    run_dysvit(model, compared, images)
    assert compared.asked == set(split.subgraphs)
    assert compared.spikes > 10_000
    assert compared.differing == 0
    assert compared.furthest < 1e-5


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_images_without_a_data_set(tmp_path, simulator):
    model = DySViT(10, 32, 2).eval()
    for neurons in model.neurons().values():
        torch.nn.init.normal_(neurons.weight, std=2.0)
    export_nir(model, tmp_path)
    model, split = split_model(model)
    compared = Compared(PlainRuntime(split), SIMULATORS[simulator](tmp_path))
    run_dysvit(model, compared, torch.randn(3, 3, 32, 32))
    assert compared.spikes > 1000
    assert compared.differing == 0


@pytest.mark.parametrize("tau", [1.0, 1.1, 1.01, 1.5, 2.0, 3.7, 20.0, 1000.0])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_current_of_just_the_threshold_fires(make, tmp_path, simulator, tau):
    """NIR fires above a threshold, and we at it: what is a tie to us must not be lost."""
    neurons = Subgraph("neurons", (("fire", Fired((5,), 1 - 1 / tau)),), "current", "spikes")
    nir.write(tmp_path / "neurons.nir", nir_graph(neurons))
    run, plain = SIMULATORS[simulator](tmp_path), PlainRuntime(Split((neurons,)))
    current = torch.tensor([[1.0, 1 - 2**-12, 1 + 2**-12, 0.5, -3.0]])
    for _ in range(3):
        found = run("neurons", current)
        assert torch.equal(found, plain("neurons", current))
        current = torch.tensor([[1.0, 0.0, 1.0, 0.75, 1.0]])


@pytest.mark.parametrize(("simulator", "known"), list(zip(SIMULATORS, IMPORTERS, strict=True)))
def test_importers_refuse_what_the_manifest_says_and_no_more(written, simulator, known):
    assert known.lower().startswith(simulator)
    _, split, folder = written("permanence")
    run = SIMULATORS[simulator](folder)
    for name in split.subgraphs:
        graph = nir.read(folder / f"{name}.nir")
        kinds = {type(node).__name__ for node in graph.nodes.values()}
        if kinds & set(IMPORTERS[known]["refuses"]):
            with pytest.raises(Exception), contextlib.redirect_stdout(io.StringIO()):  # noqa: B017
                run.load(graph)
        else:
            run.load(graph)


def test_the_leak_that_importers_refuse_is_norses_own_leak(written):
    """By NIRTorch, told what norse calls it; its resistance stands before it."""
    _, split, folder = written("permanence")
    SIMULATORS["norse"](folder)  # skips without
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nirtorch
        from norse.torch.module.leaky_integrator_box import LIBoxCell, LIBoxParameters

    graph = nir.read(folder / "memory.leak.nir")
    node = graph.nodes["leak"]
    inverse, leaks = torch.from_numpy(1 / node.tau), torch.from_numpy(node.v_leak)
    cell = LIBoxCell(LIBoxParameters(tau_mem_inv=inverse, v_leak=leaks), dt=1e-4)
    run = nirtorch.nir_to_torch(graph, {nir.LI: lambda _: cell}, dtype=torch.float64)
    plain, state = PlainRuntime(split), None
    drive = torch.randn(40, 2, len(node.tau))
    for x in drive:
        found, state = run(x * torch.from_numpy(node.r), state)
        right = plain("memory.leak", x)
        torch.testing.assert_close(found, right.double(), atol=1e-4, rtol=1e-4)


def test_files_and_manifest_tell_the_same(written):
    for name in ("permanence", "dysvit"):
        model, split, folder = written(name)
        told = json.loads((folder / "manifest.json").read_text())
        files = [step["file"] for step in told["steps"] if "file" in step]
        assert sorted(files) == sorted(path.name for path in folder.glob("*.nir"))
        assert [step.get("file", step.get("host")) for step in told["steps"]] == [
            f"{step.name}.nir" if step.name in split.subgraphs else step.name
            for step in split.steps
        ]
        for step in (step for step in told["steps"] if "file" in step):
            graph = nir.read(folder / step["file"])
            assert list(graph.nodes) == list(step["nodes"]) or set(graph.nodes) == set(
                step["nodes"]
            )
            assert list(graph.input_type["input"]) == step["takes"]["shape"]
            assert list(graph.output_type["output"]) == step["gives"]["shape"]
        assert told["frame_ms"] == getattr(model.config, "frame_ms", None)
