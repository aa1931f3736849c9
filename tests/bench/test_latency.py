"""What a frame costs is measured on frames that are what they are called."""

import numpy as np
import pytest

from neurosvt.bench import latency
from neurosvt.bench.activity import blobs, rows_of_events
from neurosvt.bench.latency import doubled_model, scene_films
from neurosvt.engine import Engine
from neurosvt.engine.library import engine_library
from neurosvt.experiments.checkpoints import load

needs_engine = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")


def test_frames_go_from_nothing_to_much():
    silent, *others = scene_films()
    assert not silent.frames.any()
    assert others[-1].frames.reshape(len(others[-1].frames), -1).sum(1).min() > 50


@needs_engine
def test_every_way_of_ours_answers_a_frame(monkeypatch):
    monkeypatch.setattr(latency, "COLD_BYTES", 1 << 12)
    active = scene_films()[-1]
    candidates = list(latency._ours(load("permanence").model, active))
    assert len(candidates) == 6
    for candidate in candidates:
        candidate.before()
        candidate.run()


def test_the_doubled_model_reads_every_place_as_the_one_it_stands_for():
    model = load("permanence").model
    wide = doubled_model(model)
    assert (wide.positions.table[17] == model.positions.table[0]).all()
    assert (wide.memory.read.own[255] == model.memory.read.own[63]).all()


@needs_engine
def test_time_is_told_with_the_additions_that_it_took():
    *rows, line = rows_of_events((4, 256), rounds=3)
    assert [row["events"] for row in rows] == [4, 256]
    assert rows[1]["additions"] > 10 * rows[0]["additions"] + 1
    assert line["r2"] == pytest.approx(1)


def test_blobs_hold_what_they_are_asked_for_within_the_sensor():
    for count in (4, 256, 4096):
        for events in blobs(np.random.default_rng(0), count):
            assert len(events) == count
            assert max(events["x"].max(), events["y"].max()) < 64


@needs_engine
def test_a_silent_step_touches_nothing_but_the_memory():
    session = Engine(load("permanence").model).session()
    session.push(asked=False)
    assert list(session.layers) == ["memory"]
