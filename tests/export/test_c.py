"""The C that is written gives the answers of the engine in whole numbers, to the bit."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from neurosvt import load, make_scenes
from neurosvt.config import UserError
from neurosvt.engine.fixed import FixedEngine, fixed_library
from neurosvt.experiments.registry import load_run
from neurosvt.export import export_model

COMPILER = shutil.which("gcc") or shutil.which("cc")
EXAMPLE = Path(__file__).parents[2] / "examples" / "robot_c"
EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("on", "u1")], align=True)

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.skipif(fixed_library() is None, reason="the C++ library was not built"),
]


def model_of(name):
    if name != "tracks":
        return load(name).model
    torch.manual_seed(0)
    model = load_run("permanence_base").network("auto").eval()
    with torch.no_grad():  # untrained it is silent
        model.embed.project.weight.mul_(4)
        for learnt in model.parameters():
            if not learnt.any():
                learnt.normal_(0, 0.5)
    return model


def built(folder, *words):
    """The library of what was written."""
    path = folder / "model.so"
    command = [COMPILER, *words, "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run([*command, folder / "neurosvt_model.c", "-o", path], check=True)
    return ctypes.CDLL(str(path))


def answers_of(library, engine, frames):
    """(T, A) of one camera."""
    state = np.zeros(engine.plan.c.at.bytes // 8, np.int64)
    library.nsvt_start(ctypes.c_void_p(state.ctypes.data))
    found = np.zeros((len(frames), engine.plan.answer_size), np.int32)
    for frame, answer in zip(frames, found, strict=True):
        polarity, y, x = frame.nonzero()
        events = np.zeros(len(x), EVENT)
        events["x"], events["y"], events["on"] = x, y, polarity
        events = events[::-1].copy()  # in any order
        end = library.nsvt_step(
            ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(events.ctypes.data), len(events),
            ctypes.c_void_p(answer.ctypes.data),
        )  # fmt: skip
        assert end == 0
    return found, state


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("tracks", 8),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("permanence", 16),
                ("permanence", 8),
                ("tracks", 16),
                ("nmnist", 16),
                ("nmnist", 8),
            ]
        ),
    ],
)
def test_c_answers_as_the_engine_to_the_bit(name, bits, tmp_path):
    model = model_of(name)
    export_model(model, "c", tmp_path, bits=bits)
    engine = FixedEngine(model, bits)
    scenes = make_scenes("curtain", seed=7, batch=2, seen=10, hidden=20, after=3)
    expected, states = engine.answers(torch.from_numpy(scenes.frames))
    strict = ["-std=c11", "-O2", "-fstrict-aliasing", "-Wstrict-aliasing=2"]
    for words in (strict, ["-x", "c++", "-std=c++17", "-O0"]):
        library = built(tmp_path, *words)
        for camera in range(2):
            found, state = answers_of(library, engine, scenes.frames[:, camera])
            assert np.array_equal(found, expected[:, camera].numpy())
            kept = engine.plan.c.at.counts
            assert np.array_equal(state.view(np.uint8)[:kept], states[camera].view(np.uint8)[:kept])
    assert len(np.unique(expected[..., 0])) > 5


def test_an_event_off_the_sensor_changes_nothing(tmp_path):
    model = load("permanence").model
    export_model(model, "c", tmp_path)
    library, engine = built(tmp_path, "-std=c11", "-O1"), FixedEngine(model, 8)
    _, state = answers_of(library, engine, np.zeros((1, 2, 64, 64), bool))
    before, event = state.copy(), np.array([(3, 3, 1), (64, 0, 0)], EVENT)
    end = library.nsvt_step(
        ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(event.ctypes.data), 2, None
    )
    assert end == -1
    assert np.array_equal(state, before)


def test_a_silent_step_that_is_not_asked_only_counts(tmp_path):
    model = load("permanence").model
    export_model(model, "c", tmp_path)
    library, engine = built(tmp_path, "-std=c11", "-O1"), FixedEngine(model, 8)
    _, state = answers_of(library, engine, np.ones((1, 2, 64, 64), bool))
    before = state.copy()
    assert library.nsvt_step(ctypes.c_void_p(state.ctypes.data), None, 0, None) == 0
    assert np.flatnonzero(state != before).tolist() == [0]


@pytest.mark.parametrize(
    ("name", "bits", "told"),
    [
        ("permanence", 12, "--bits must be 16 or 8 for --to c, got 12"),
        ("nmnist_none", 8, "in whole numbers there is a LeakyMemory, and no NoMemory"),
    ],
)
def test_what_c_cannot_do_is_refused_in_a_line(name, bits, told, tmp_path):
    with pytest.raises(UserError, match=told):
        export_model(load(name).model, "c", tmp_path, bits=bits)


def test_the_example_prints_a_belief_for_every_step(tmp_path):
    export_model(load("permanence").model, "c", tmp_path)
    subprocess.run(
        ["make", "-C", EXAMPLE, f"MODEL={tmp_path}", f"CC={COMPILER}", "-B", "-n"], check=True
    )
    robot = tmp_path / "robot"
    command = [COMPILER, "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}"]
    subprocess.run(
        [*command, "-o", robot, EXAMPLE / "main.c", tmp_path / "neurosvt_model.c"], check=True
    )
    given = "".join(f"{1000 * t} {20 + t % 9} {30 + t % 5} {t % 2}\n" for t in range(45))
    said = subprocess.run([robot], input=given, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in said.splitlines()]
    assert [line[0] for line in lines] == ["10000", "20000", "30000", "40000", "50000"]
    assert all(line[1] in load("permanence").model.class_names for line in lines)
