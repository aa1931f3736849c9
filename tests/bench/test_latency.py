"""What a frame costs is measured on frames that are what they are called."""

import numpy as np
import pytest

from neurosvt.bench import latency
from neurosvt.bench.activity import blobs, rows_of_events
from neurosvt.bench.films import FRAMES, Film, events_of, recorded_films, scene_films
from neurosvt.bench.latency import doubled_model
from neurosvt.engine import Engine
from neurosvt.engine.library import engine_library
from neurosvt.experiments.checkpoints import load

needs_engine = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")


def test_frames_go_from_nothing_to_much():
    silent, *others = scene_films()
    assert not silent.frames.any()
    assert events_of(others[-1].frames).min() > 50


@pytest.mark.parametrize(("what", "side"), [("digit", 64), ("object", 64), ("object", 128)])
def test_frames_of_recordings_are_long_and_short_ones_of_the_same(what, side, data_root):
    films = recorded_films(what, side)
    if not films:
        pytest.skip(f"there is no recording of {what} in {data_root}")
    assert [film.kind for film in films] == [f"{what} frame", f"{what} frame of 1 ms"]
    long, short = films
    for film in films:
        assert film.frames.shape == (FRAMES, 2, side, side)
    assert 3 * np.median(events_of(short.frames)) < np.median(events_of(long.frames))
    assert short.frames.any()


def test_a_recording_that_is_not_at_hand_is_left_out_in_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert recorded_films("object", 64) == []
    told = capsys.readouterr().err
    assert told.startswith("object frames, 64 x 64, left out: ")
    assert told.count("\n") == 1


@needs_engine
def test_every_way_of_ours_answers_a_frame(monkeypatch):
    monkeypatch.setattr(latency, "COLD_BYTES", 1 << 12)
    active = scene_films()[-1]
    for film in (active, Film("active", active.frames, ms=1.0)):
        candidates = list(latency._ours(load("permanence").model, film))
        assert len(candidates) == 6
        assert {candidate.what for candidate in candidates} == {film.kind}
        for candidate in candidates:
            candidate.before()
            candidate.run()


def test_the_dense_twin_is_asked_about_every_film(monkeypatch):
    monkeypatch.setattr(latency, "find_spec", lambda name: None)
    films = scene_films()
    candidates = list(latency._dense(load("permanence").model, films))
    assert [candidate.what for candidate in candidates] == [film.kind for film in films]
    for candidate in candidates:
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
    assert list(session.layers) == ["memory", "memory.lines"]
