"""What every test may rely on: a fixed seed, one thread, small models, and the data folder where
there is one."""

import math
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch starts its threads; see Makefile

import numpy as np
import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

from tests import shape_checks

# Signatures with shapes are checked. Only they: mypy checks the other modules.
PACKAGE = Path(__file__).parents[1] / "neurosvt"
SHAPED = sorted(
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    for file in PACKAGE.rglob("*.py")
    if "from jaxtyping import" in file.read_text()
)
install_import_hook(SHAPED, "tests.shape_checks.at_first")

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.heads import Belief
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig
from neurosvt.nn.token_neuron import TokenLIF
from neurosvt.nn.tracks import Tracks
from neurosvt.sides import Sides

# The first example pays for imports and allocations, so a deadline would fail at random.
# Derandomised: a failure found in CI is one that the author can see as well.
settings.register_profile("neurosvt", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("neurosvt")


collect_ignore = ["mutants/sample.py", "guided/one.py"]
"""They run beside cosmic-ray and atheris, which are not installed here."""


@pytest.fixture(autouse=True)
def seed() -> int:
    """Every test starts from the same random state, alone or among others."""
    torch.manual_seed(0)
    np.random.seed(0)
    return 0


@pytest.fixture(autouse=True)
def shapes_checked() -> None:
    shape_checks.begin()


@pytest.fixture
def all_shapes_checked(shapes_checked) -> None:
    """At every call, for tests that count refusals."""
    shape_checks.begin(math.inf)


@pytest.fixture(autouse=True, scope="session")
def no_sync():
    """Nothing that a test writes has to outlive a power cut; disks took half a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def data_root() -> Path:
    """The folder that holds the real recordings."""
    value = os.environ.get("NEUROSVT_DATA")
    if not value:
        pytest.skip("NEUROSVT_DATA is not set, so there are no real recordings to test with")
    root = Path(value)
    # A wrong path is a mistake, and skipping would hide it.
    assert root.is_dir(), f"NEUROSVT_DATA={value} is not a folder"
    return root


@pytest.fixture(scope="module")
def soon_hidden():
    """Scenes of the benchmark in which what hides was in view for 6 frames, not for 24."""
    from neurosvt.experiments import runs  # a room that most tests do without
    from neurosvt.permanence.tasks import TASKS

    def task(*arguments):
        return replace(TASKS["scenes"](*arguments), seen=6)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "TASKS", {**TASKS, "scenes": task})
        yield


SMALL = {
    "image_size": 16,
    "patch_size": 4,
    "kernel_size": 8,
    "least_events": 2,
    "classes": 3,
    "width": 16,
    "heads": 2,
    "mlp_ratio": 1.5,
    "readout": ReadoutConfig(width=8),
}
MEMORIES = {
    "leaky": LeakyMemoryConfig(channels=12),
    "lif": TokenMemoryConfig(),
    "none": NoMemoryConfig(channels=12),
}


@pytest.fixture(scope="session")
def events():
    """events(steps, batch): random binary frames of the small models' size, or of another."""

    def draw(steps=12, batch=2, share=0.04, seed=0, size=16):
        generator, (width, height) = torch.Generator().manual_seed(seed), Sides.of(size)
        return torch.rand((steps, batch, 2, height, width), generator=generator) < share

    return draw


@pytest.fixture(scope="session")
def make(events):
    """make(memory, ...): a small model in eval mode, the same for the same arguments; its memory
    by a word or by its settings.

    `warmed` has seen training frames, so that its running statistics have moved and it fires;
    `grid` is its copy on the grid. Whoever changes one takes a deep copy.
    """

    @cache
    def build(memory="leaky", warmed=True, grid=False, **settings):
        memory = MEMORIES.get(memory, memory)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = NeuroSVT(NeuroSVTConfig(**SMALL | settings, memory=memory))
            for lines in (m for m in model.modules() if isinstance(m, Tracks)):
                for learnt in (lines.vote, lines.offset):  # or all tokens would have the same say
                    torch.nn.init.normal_(learnt, std=0.5)
            norms = [m for m in model.modules() if isinstance(m, ScaleNorm)]
            for norm in norms if warmed else []:
                norm.momentum = 0.5
            for seed in range(8 if warmed else 0):
                model(events(batch=8, seed=100 + seed, size=model.config.image_size))
        return model.on_grid() if grid else model.eval()

    return build


class Run(NamedTuple):
    """What a forward pass gave, and the charge that its heads read."""

    charge: torch.Tensor
    belief: Belief
    state: State


@pytest.fixture(scope="session")
def run():
    """run(model, frames, ...): one forward pass without gradients."""

    def forward(model, frames, *state, **options):
        seen = []
        hook = model.heads.register_forward_hook(lambda _, given, __: seen.append(given[0]))
        with torch.no_grad():
            belief, after = model(frames, *state, **options)
        hook.remove()
        return Run(seen[0], belief, after)

    return forward


@pytest.fixture(scope="session")
def spikes_of():
    """spikes_of(model, frames, ...): (T, B, N, D) spikes of every layer of neurons, in order."""

    def watch(model, frames, *state, **options):
        seen, hooks = [], []

        def note(_, given, out):
            rows, spikes = given[2].rows, out[0]
            steps, batch, tokens = rows.shape
            every = torch.zeros(steps * batch, tokens, spikes.shape[1])
            every[rows.frame, rows.position] = spikes
            seen.append(every.unflatten(0, (steps, batch)))

        for module in model.modules():
            if isinstance(module, TokenLIF):
                hooks.append(module.register_forward_hook(note))
        with torch.no_grad():
            model(frames, *state, **options)
        for hook in hooks:
            hook.remove()
        return seen

    return watch


@pytest.fixture(scope="session")
def calls_of():
    """calls_of(model, frames, ...): names of the modules that were given at least one row or
    frame, and the state afterwards."""

    def watch(model, frames, *state, **options):
        called, hooks = set(), []

        def note(name):
            return lambda _, given, __: called.update([name] if len(given[0]) else [])

        for name, module in model.named_modules():
            hooks.append(module.register_forward_hook(note(name)))
        with torch.no_grad():
            _, after = model(frames, *state, **options)
        for hook in hooks:
            hook.remove()
        return called, after

    return watch


@pytest.fixture(scope="session")
def assert_same_state():
    """assert_same_state(a, b): equal to the bit in every tensor."""

    def leaves(state):
        parts = state._asdict()
        blocks = parts.pop("blocks")
        yield from parts.items()
        for i, block in enumerate(blocks):
            yield from ((f"block {i}, membrane {j}", v) for j, v in enumerate(block))

    def check(a, b):
        for (name, x), (_, y) in zip(leaves(a), leaves(b), strict=True):
            assert torch.equal(x, y), f"{name} differs by up to {(x - y).abs().max()}"

    return check


@pytest.fixture(scope="session")
def two_workers():
    """A Ray of two workers on this machine. Tests of it are of xdist's group "ray": one process
    runs them all, and the workers start once."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'neurosvt[ray]'")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
