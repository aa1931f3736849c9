import base64
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from neurosvt import Recording, load, write_events
from neurosvt.app.films import MOTIONS, Curtain, FreeScene, Hand, Shown, Shutter
from neurosvt.app.player import Player
from neurosvt.app.watchers import cast_of
from neurosvt.config import UserError
from neurosvt.engine import Engine
from neurosvt.events import pack_events
from neurosvt.presence import Presence


@pytest.fixture(scope="module")
def cast():
    return cast_of("permanence")


@pytest.fixture
def player(cast):
    return Player(cast)


@pytest.fixture
def recording(tmp_path):
    """A dot that goes to the right, for a fifth of a second."""
    t = np.arange(0, 200_000, 250)
    events = pack_events(t, 10 + t // 5000, 30 + t % 3, t % 2)
    path = tmp_path / "dot.npz"
    write_events(path, Recording(events, 64, 64))
    return str(path)


def frame_of(told):
    bits = np.frombuffer(base64.b64decode(told["bits"]), np.uint8)
    return np.unpackbits(bits, bitorder="little").reshape(told["shape"]).astype(bool)


def test_a_scene_is_shown_to_all_with_its_truth(player):
    opened = player.open({"kind": "free", "object": "star", "seed": 3})
    assert opened["classes"][5] == "star"
    assert [one["title"] for one in opened["models"]][:3] == ["permanence", "no memory", "latch"]
    for t in range(60):
        told = player.step()
        assert told["t"] == t
        assert told["events"] == frame_of(told).sum()
    assert told["label"] == 5
    ours = told["beliefs"][0]
    assert np.argmax(ours["probabilities"]) == 5
    assert np.hypot(*np.subtract(ours["position"], told["truth"])) < 1 / 8
    assert ours["presence"] == "in view"
    assert ours["synops"] > 0


def test_what_a_visitor_hides_is_still_known(player):
    player.open({"kind": "free", "object": "ring", "seed": 1})
    for t in range(140):
        player.move({"band": [-1.0, min(1.5, (t - 40) / 40)] if t > 40 else None})
        told = player.step()
    assert told["presence"] == "hidden"
    ours, without, latch = told["beliefs"][:3]
    assert player.classes[int(np.argmax(ours["probabilities"]))] == "ring"
    assert np.hypot(*np.subtract(ours["position"], told["truth"])) < 1 / 8
    assert max(without["probabilities"]) < 0.5
    assert latch["synops"] == without["synops"], "the latch holds that network"


def test_a_latch_says_what_its_network_said_when_that_last_saw(cast, player):
    player.open({"kind": "blackout", "object": "cross", "hidden": 30})
    threshold = cast.forgets.latch().threshold
    held = None
    kept = 0
    while told := player.step():
        network, latch = told["beliefs"][1:3]
        unseen = np.log(network["unseen"] / (1 - network["unseen"]))
        if abs(unseen - threshold) < 0.05:  # told in four digits
            held = None
            continue
        if unseen < threshold:
            held = network
        if held is not None:
            assert latch["position"] == held["position"]
            assert latch["probabilities"] == held["probabilities"]
            kept += held is not network
    assert kept > 20


@pytest.mark.parametrize("kind", ["curtain", "tunnel", "succession", "stranger", "empty", "leaves"])
def test_tiers_play_to_their_end(kind, player):
    frames = player.open({"kind": kind, "hidden": 30, "seed": 2})["frames"]
    told = [player.step() for _ in range(frames)]
    assert player.step() is None
    assert [one["t"] for one in told] == list(range(frames))
    said = [one["presence"] for one in told]
    if kind in ("curtain", "tunnel"):
        assert said.count("hidden") == 30
    there = {"curtain": "in view", "stranger": "stranger", "leaves": "gone", "empty": "nothing"}
    assert there.get(kind, "in view") in said
    for one in told:
        known = one["presence"] in ("in view", "hidden")
        assert (one["label"] is not None) == known
        assert (one["truth"] is not None) == (known or one["presence"] == "stranger")


def test_two_visitors_do_not_mix(cast):
    alone = Player(cast)
    alone.open({"object": "disc", "seed": 4})
    wanted = [alone.step()["beliefs"][0]["probabilities"] for _ in range(30)]
    one, other = Player(cast), Player(cast)
    one.open({"object": "disc", "seed": 4})
    other.open({"object": "bar", "seed": 9})
    found = []
    for _ in range(30):
        other.move({"band": [0.0, 1.0]})
        other.step()
        found.append(one.step()["beliefs"][0]["probabilities"])
    assert found == wanted


def test_a_recording_plays_from_its_beginning_each_time(player, recording):
    told = []
    for _ in range(2):
        player.open({"kind": "recording"}, recording)
        frames = []
        while step := player.step():
            frames.append((step["events"], step["beliefs"][0]["position"]))
            assert step["truth"] is None
        told.append(frames)
    assert told[0] == told[1]
    assert len(told[0]) == 20
    player.close()
    assert player.step() is None


def test_a_curtain_before_a_recording_covers_and_its_edges_make_events():
    shutter, full = Shutter(), Shown(np.ones((2, 8, 10), bool), position=(0.5, 0.5))
    assert shutter.over(full, Hand()).frame.all()
    covered = shutter.over(full, Hand(band=(-1.0, 0.5))).frame
    assert covered[:, :, 5:].all()
    edge = covered[:, :, :5]
    assert edge[1].any(), "it came from the left"
    assert not edge.all()
    still = shutter.over(full, Hand(band=(-1.0, 0.5))).frame
    assert not still[:, :, :5].any(), "what rests makes none"
    seen = replace(full, presence=Presence.IN_VIEW)
    dark = shutter.over(seen, Hand(lit=False))
    assert not dark.frame.any()
    assert dark.presence is Presence.HIDDEN
    gone = replace(full, position=None, presence=Presence.GONE)
    assert shutter.over(gone, Hand(lit=False)).presence is Presence.GONE


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"kind": "fog"}, "fog"),
        ({"object": "spoon"}, "the objects are disc, square"),
        ({"kind": "curtain", "object": "spoon"}, "the objects are disc, square"),
        ({"kind": "tunnel", "hidden": 1000}, "tunnel cannot hide an object for 1000 frames"),
        ({"kind": "curtain", "hidden": 10**6}, "cannot hide"),
        ({"hidden": "x"}, "hidden is a whole number"),
        ({"seed": -1}, "seed is a whole number"),
        ({"noise_hz": 1e9}, "noise_hz lies in"),
        ({"kind": "recording"}, "choose a file of events first"),
    ],
    ids=str,
)
def test_what_is_not_there_is_one_line(asked, line, player):
    with pytest.raises(UserError, match=line) as error:
        player.open(asked)
    assert "\n" not in str(error.value)


def test_a_curtain_follows_the_hand_and_does_not_jump():
    curtain, wanted = Curtain(), (0.3, 0.6)
    assert curtain.toward(None) is None
    way = [curtain.toward(wanted) for _ in range(20)]
    assert way[0] == pytest.approx((-0.24, 0.06)), "in from the left"
    assert way[-1] == wanted
    for before, now in pairwise(way):
        assert max(abs(a - b) for a, b in zip(before, now, strict=True)) <= 0.06 + 1e-9
    out = [curtain.toward(None) for _ in range(20)]
    assert out[-1] is None
    assert all(one is None or one[0] < 0.31 for one in out), "the way it came"
    assert Curtain().toward((0.7, 1.2)) == pytest.approx((0.94, 1.44)), "or from the right"


def test_an_object_rests_behind_a_curtain_or_goes_on_or_does_not_move(player):
    ways = {}
    for motion in MOTIONS:
        player.open({"kind": "free", "object": "disc", "seed": 2})
        places = []
        for t in range(120):
            player.move({"band": [-1.0, 2.0] if t > 40 else None, "motion": motion})
            places.append(player.step()["truth"])
        ways[motion] = places
    assert ways["rests"][:40] == ways["on"][:40]
    assert len({tuple(place) for place in ways["rests"][75:]}) == 1
    assert ways["on"][75] != ways["on"][-1]
    assert len({tuple(place) for place in ways["still"]}) == 1
    with pytest.raises(UserError, match="the object rests, on, still; not 'jumps'"):
        player.move({"motion": "jumps"})


@pytest.mark.parametrize("band", ["x", [1], [2.0, 1.0], [float("nan"), 1.0], [[1], 2]])
def test_a_curtain_is_two_numbers(band, player):
    with pytest.raises(UserError, match="a curtain"):
        player.move({"band": band})


def test_a_model_of_images_has_nothing_to_hide():
    with pytest.raises(UserError, match="names what is seen"):
        cast_of("dysvit")


def test_behind_a_curtain_that_is_dragged_most_objects_are_within_a_third_of_the_picture():
    """Many scenes, when the curtain comes at many moments: one alone says little of a model."""
    trained = load("permanence")
    engine, scene = Engine(trained.model), trained.run.task("test").scene
    within = []
    for seed in range(24):
        film, session, curtain = FreeScene("ring", seed, scene), engine.session(), Curtain()
        dragged = [(share - 0.5, share + 0.5) for share in np.linspace(0, 0.5, 40)]
        for wanted in [*[None] * (120 + 7 * seed), *dragged, *[(0.0, 1.0)] * 25]:
            shown = film.step(Hand(band=curtain.toward(wanted), motion="rests"))
            belief = session.push(shown.frame)
        assert shown.presence is Presence.HIDDEN
        off = np.asarray(belief.position).reshape(-1)[:2] - np.array(shown.position)
        within.append(np.linalg.norm(off) * 64 < 21)
    assert np.mean(within) >= 0.85
