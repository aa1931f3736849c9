import numpy as np
import pytest
import torch

from neurosvt.config import ConfigError, build
from neurosvt.datasets.nmnist import NMNIST_SEEN_US, NMNIST_SIDE
from neurosvt.loaders.occluded_recordings import NMNISTStream
from neurosvt.loaders.occlusion_batches import as_tensors
from neurosvt.loaders.occlusions import (
    OcclusionConfig,
    SceneStream,
    draw_emptiness,
    draw_frame_ms,
    draw_lengths,
    draw_noise,
)
from neurosvt.presence import Presence
from neurosvt.scenes.scenes import TIERS, make_scenes, split_seed

SHORT = {"seen": (2, 4), "hidden": (3, 9), "after": 2}


def short_stream(steps=5, seed=0, batch=2, **settings):
    return SceneStream(OcclusionConfig(**SHORT | settings), batch, steps, seed, size=32)


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one[:-1], two[:-1], strict=True))


def test_a_batch_depends_on_its_seed_and_index_alone():
    forwards = short_stream()
    backwards = short_stream(steps=1000)
    later = {i: backwards[i] for i in reversed(range(5))}
    assert all(same(forwards[i], later[i]) for i in range(5))


def test_other_indices_and_other_seeds_show_other_scenes():
    shown = [short_stream(seed=seed)[i] for seed in (0, 1) for i in range(3)]
    positions = {position[0].numpy().tobytes() for _, _, position, *_ in shown}
    assert len(positions) == len(shown)


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_a_batch_has_the_shapes_and_lengths_it_says(tier):
    stream = short_stream(tiers=(tier,), batch=3)
    for index in range(4):
        seed = split_seed("train", 0, index)
        seen, dark, after = draw_lengths(stream.config, [*seed, 0])
        frames, label, position, presence, asked, within, _ = stream[index]
        after += TIERS[tier].returning(seen, dark) if after else 0
        steps = seen + TIERS[tier].transition(seen, dark) + dark + after
        assert (frames.shape, frames.dtype) == ((steps, 3, 2, 32, 32), torch.bool)
        assert (label.shape, label.dtype) == ((steps, 3), torch.int64)
        assert (position.shape, position.dtype) == ((steps, 3, 2), torch.float32)
        assert (presence.shape, presence.dtype) == ((steps, 3), torch.int8)
        for mask in (asked, within):
            assert (mask.shape, mask.dtype) == ((steps, 3), torch.bool)
        out_of_view = TIERS[tier].out_of_view
        if out_of_view != TIERS[tier].in_view:
            assert torch.equal((presence == out_of_view).sum(0), torch.full((3,), dark))
        hidden = presence == Presence.HIDDEN
        assert asked[hidden].all()
        assert not (asked & ~within).any()


def test_every_batch_holds_all_tiers_each_hidden_for_a_time_of_its_own():
    """An edge comes over some, the light goes off for the others: a frame full of OFF events."""
    batch = short_stream(batch=7, noise_hz=0.0, hidden=(3, 40))[0]
    frames, asked, hidden = batch.frames, batch.asked, batch.presence == Presence.HIDDEN
    dark = frames[:, :, 0].flatten(2).float().mean(-1).amax(0) > 0.95
    assert dark.tolist() == [True] * 4 + [False] * 3
    lengths = hidden.sum(0)
    assert (lengths[:4] == lengths[0]).all()
    assert (lengths[4:] == lengths[4]).all()
    assert lengths[0] != lengths[4]
    ends = [int(column.nonzero().max()) for column in asked.T]
    assert max(ends) == len(frames) - 1
    for b, end in enumerate(ends):  # behind a sequence's end there is nothing
        assert not frames[end + 1 :, b].any()
        assert not hidden[end + 1 :, b].any()
        assert not batch.within[end + 1 :, b].any()


def test_nothing_is_asked_before_an_object_has_moved():
    batch = short_stream(batch=8, tiers=("tunnel",), hidden=(9, 9))[0]
    still = (batch.position == batch.position[:1]).all(-1)
    assert still[:2].any()
    assert torch.equal(batch.asked, ~torch.cummin(still.int(), 0).values.bool())
    assert torch.equal(batch.within, batch.asked)


PRESENCE_TIERS = ("empty", "leaves", "stranger")


@pytest.mark.parametrize("tier", PRESENCE_TIERS)
def test_presence_alone_is_asked_where_there_is_no_object_of_the_classes(tier):
    batch = short_stream(batch=6, tiers=(tier,), hidden=(9, 9))[0]
    presence = batch.presence
    of_classes = (presence == Presence.IN_VIEW) | (presence == Presence.HIDDEN)
    assert not (batch.asked & ~of_classes).any()
    assert batch.within[1:].all()
    assert torch.equal(batch.within[0], torch.full((6,), tier == "empty"))
    assert of_classes.any() == (tier == "leaves")


def test_emptiness_comes_before_half_of_all_shares_and_is_asked_about_from_the_first_frame():
    settings = {"batch": 8, "tiers": ("blackout", "tunnel"), "hidden": (9, 9), "noise_hz": 0.0}
    stream = short_stream(steps=40, empty_before=(3, 6), **settings)
    plain = short_stream(steps=40, **settings)
    lengths = []
    for index in range(40):
        batch, usual = stream[index], plain[index]
        for share, tier in enumerate(("blackout", "tunnel")):
            rows = slice(4 * share, 4 * share + 4)
            before = draw_emptiness(stream.config, [*split_seed("train", 0, index), share])
            lengths.append(before)
            ours, theirs = ([part[:, rows] for part in one[:-1]] for one in (batch, usual))
            steps = min(len(batch.frames) - before, len(usual.frames))
            for one, other in zip(ours[:3], theirs[:3], strict=True):
                assert torch.equal(one[before : before + steps], other[:steps])
            if not before:
                continue
            frames, _, _, presence, asked, within = ours
            assert not frames[:before].any()
            assert not asked[:before].any()
            assert torch.equal(asked, within & (presence != Presence.NOTHING))
            nothing = ((presence == Presence.NOTHING) & within).sum(0)
            assert (nothing == before).all() if tier == "blackout" else (nothing >= before).all()
            assert torch.equal(within.int().cumprod(0).sum(0), within.sum(0))  # from the first on
    assert set(lengths) == {0, 3, 4, 5, 6}
    assert 0.3 < np.mean(np.array(lengths) > 0) < 0.7


def test_a_succession_hides_several_objects_for_lengths_of_their_own():
    stream = short_stream(batch=4, tiers=("succession",), hidden=(3, 30), objects=4, busy=12)
    lengths = set()
    for index in range(4):
        hidden = stream[index].presence == Presence.HIDDEN
        begins = (hidden[1:] & ~hidden[:-1]).sum(0)
        assert begins.tolist() == [4] * 4
        runs = torch.diff(hidden[:, 0].int(), prepend=torch.zeros(1), append=torch.zeros(1))
        lengths |= set((runs.eq(-1).nonzero() - runs.eq(1).nonzero()).flatten().tolist())
    assert max(lengths) <= 12
    assert len(lengths) > 4


def drawn_lengths(config, count=4000):
    drawn = [draw_lengths(config, split_seed("train", 0, i)) for i in range(count)]
    return tuple(np.array(column) for column in zip(*drawn, strict=True))


def test_lengths_fill_their_ranges_ends_included():
    config = OcclusionConfig(seen=(2, 4), hidden=(3, 9), after=2)
    seen, hidden, after = drawn_lengths(config)
    assert set(seen) == {2, 3, 4}
    assert set(hidden) == set(range(3, 10))
    assert set(after) == {0, 2}
    for column, value in ((seen == 2, 1 / 3), (after == 2, 1 / 2)):
        assert column.mean() == pytest.approx(value, abs=0.03)


def test_hidden_lengths_are_drawn_log_uniformly():
    """As often below 100 as above it."""
    _, hidden, _ = drawn_lengths(OcclusionConfig(hidden=(10, 1000)))
    assert hidden.min() >= 10
    assert hidden.max() <= 1000
    assert (hidden < 100).mean() == pytest.approx(0.5, abs=0.03)


def test_a_single_length_is_possible():
    _, hidden, _ = drawn_lengths(OcclusionConfig(hidden=(7, 7)), count=50)
    assert set(hidden) == {7}


def test_a_batch_beyond_the_last_is_an_index_error():
    stream = short_stream()
    for index in (-1, 5):
        with pytest.raises(IndexError, match=f"batch {index} of 5"):
            stream[index]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"tiers": ()}, "at least one"),
        ({"tiers": ("blackout", "fog")}, "'fog' is unknown; choose from"),
        ({"busy": 0}, "busy and objects must be at least 1"),
        ({"objects": 0}, "busy and objects must be at least 1"),
        ({"seen": (0, 4)}, "seen must rise"),
        ({"hidden": (9, 3)}, "hidden must rise"),
        ({"after": -1}, "after"),
        (
            {"empty_before": (-1, 4)},
            r"empty_before must rise from at least 0 frames, got \(-1, 4\)",
        ),
        ({"empty_before": (9, 4)}, r"empty_before must rise .* got \(9, 4\)"),
        ({"noise_hz": -0.1}, "noise_hz"),
        ({"most_noise_hz": 0.05}, "most_noise_hz must be at least noise_hz"),
        ({"compound": 1.5}, r"compound must lie in \[0, 1\], got 1.5"),
        ({"tiers": ("blackout", "sucession")}, "did you mean 'succession'"),
        ({"dataset": "mnist"}, "data set 'mnist' is unknown; did you mean 'nmnist'"),
        ({"dataset": "dvs128"}, "holds clips, not occlusions; choose from scenes, digits"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        build(OcclusionConfig, setting)


def test_what_learning_gets_is_not_a_copy():
    scenes = make_scenes("blackout", 0, 2, seen=2, hidden=2, after=0)
    frames, *_ = as_tensors(scenes)
    assert frames.data_ptr() == scenes.frames.ctypes.data


@pytest.fixture
def recorded(tmp_path, monkeypatch) -> int:
    """A small file of made-up recordings where N-MNIST would lie; how many it holds."""
    count, events = 150, 20
    rng = np.random.default_rng(0)
    folder = tmp_path / "nmnist_small"
    folder.mkdir()
    total = count * events
    np.savez(
        folder / "nmnist_train900.npz",
        x=rng.integers(0, NMNIST_SIDE, total).astype(np.uint8),
        y=rng.integers(0, NMNIST_SIDE, total).astype(np.uint8),
        p=rng.integers(0, 2, total).astype(np.uint8),
        t=np.sort(rng.integers(0, 300_000, (count, events))).astype(np.uint32).reshape(-1),
        offsets=np.arange(count + 1) * events,
        labels=np.arange(count) % 10,
        ids=np.arange(count),
    )
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    return count


def test_recordings_come_at_ever_new_positions_and_validation_is_kept_out(recorded):
    config = OcclusionConfig(dataset="nmnist", **SHORT)
    stream = NMNISTStream(config, 4, 3, seed=0, size=40)
    assert len(stream.recordings) == recorded - 100
    first, second = stream[0], NMNISTStream(config, 4, 3, seed=0, size=40)[1]
    frames, label, position, presence, asked, within, _ = first
    hidden = presence == Presence.HIDDEN
    assert asked.all()
    assert within.all()
    assert frames.shape[1:] == (4, 2, 40, 40)
    assert int(hidden[:, 0].long().argmax()) == NMNIST_SEEN_US // 10_000 + 1
    assert set(label.flatten().tolist()) <= set(range(10))
    assert not torch.equal(position[0], second[2][0])
    assert same(first, stream[0])


def test_frames_of_another_length_show_as_long_and_hide_for_as_many():
    lengths = {"seen": (8, 8), "hidden": (6, 6), "after": 0, "tiers": ("blackout",)}
    streams = [
        short_stream(steps=20, **lengths, **more) for more in ({}, {"frame_ms": (5.0, 10.0, 20.0)})
    ]
    drawn = set()
    for usual, varied in zip(*streams, strict=True):
        in_view, hidden = [
            [(batch.presence[:, 0] == kind).sum().item() for batch in (usual, varied)]
            for kind in (Presence.IN_VIEW, Presence.HIDDEN)
        ]
        drawn.add(varied.frame_ms)
        assert usual.frame_ms is None
        assert in_view[1] == pytest.approx(in_view[0] * 10 / varied.frame_ms, abs=1)
        assert hidden[0] == hidden[1] == 6
    assert drawn == {5.0, 10.0, 20.0}


def test_the_length_of_frames_is_drawn_from_the_batchs_seed_alone():
    config = OcclusionConfig(frame_ms=(5.0, 10.0, 10.0, 20.0))
    drawn = [draw_frame_ms(config, split_seed("train", 0, i)) for i in range(400)]
    assert drawn[:9] == [draw_frame_ms(config, split_seed("train", 0, i)) for i in range(9)]
    assert drawn.count(10.0) == pytest.approx(200, abs=40)
    assert drawn.count(5.0) == pytest.approx(100, abs=35)


def test_half_of_all_shares_are_in_view_for_long_where_that_is_asked():
    short = OcclusionConfig(seen=(8, 16))
    long = OcclusionConfig(seen=(8, 16), long_views=120)
    lengths = [(draw_lengths(short, [seed]), draw_lengths(long, [seed])) for seed in range(200)]
    assert all(own[1:] == other[1:] for own, other in lengths), "the rest is drawn as before"
    views = [other[0] for _, other in lengths]
    longer = [view for view in views if view > 16]
    assert 60 < len(longer) < 120
    assert max(views) <= 120
    assert sum(view < 44 for view in longer) > len(longer) / 3, "log-uniformly: 16 to 44 to 120"
    with pytest.raises(ValueError, match="long_views must be at least 16, as long as seen, or 0"):
        OcclusionConfig(seen=(8, 16), long_views=12)


def test_half_of_all_shares_are_noisier_where_that_is_asked():
    noisy = OcclusionConfig(noise_hz=0.1, most_noise_hz=2.0)
    drawn = np.array([draw_noise(noisy, [seed]) for seed in range(400)])
    assert (drawn == 0.1).sum() == pytest.approx(200, abs=40)
    more = drawn[drawn > 0.1]
    assert more.max() <= 2.0
    assert np.median(more) == pytest.approx(0.2**0.5, rel=0.25), "log-uniformly"
    assert draw_noise(OcclusionConfig(noise_hz=0.3), [0]) == 0.3
    quiet, loud = (
        short_stream(steps=1, noise_hz=0.1, tiers=("empty",), batch=8, **more)[0].frames
        for more in ({}, {"most_noise_hz": 60.0})
    )
    assert loud.float().mean() >= quiet.float().mean()


def test_compounds_are_learnt_from_and_judging_shows_none():
    config = OcclusionConfig(compound=1.0, tiers=("stranger",))
    assert SceneStream(config, 2, 1, 0).scene.compound == 1.0
    assert config.scene(64, 10_000).compound == 0.0
