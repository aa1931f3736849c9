import base64
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from neurosvt.demo.equal_training import read_equal_training
from neurosvt.demo.page import BeliefTrack, Episode, write_page

HOSTILE = '</script><script>alert("1")</script><!--facts-->&\n'


def belief(rng, model, steps, classes):
    counts = rng.integers(0, 50_000, (2, steps))
    return BeliefTrack(
        model,
        probabilities=rng.dirichlet(np.ones(classes), steps),
        position=rng.random((steps, 2)),
        unseen=rng.random(steps),
        spikes=counts[0],
        synops=counts[1],
    )


def episode(steps=33, height=7, width=5, classes=3, models=("leaky", "lif tau 2.0")):
    """Odd sizes, so that frames do not end on whole bytes."""
    rng = np.random.default_rng(0)
    return Episode(
        title="curtain",
        frames=rng.random((steps, 2, height, width)) < 0.1,
        frame_ms=10.0,
        position=rng.random((steps, 2)),
        hidden=np.arange(steps) > steps // 2,
        label=np.arange(steps) % classes,
        classes=tuple("abcdefghij"[:classes]),
        occluder=rng.random((steps, 7)).astype(np.float32),
        beliefs=tuple(belief(rng, model, steps, classes) for model in models),
    )


def row(memory="leaky", hidden_frames=30, **more):
    given = {"memory": memory, "hidden_frames": hidden_frames, "model": "neurosvt", "tau": None}
    scene = {"dataset": "scenes", "tier": "blackout", "judgement": "belief", "frame_ms": 10.0}
    return given | scene | {"score": 0.912, "low": 0.9, "high": 0.92, "class_score": 0.93} | more


def written(tmp_path, episodes=(), rows=(), facts=None, version="1.2.3", **more):
    path = tmp_path / "new" / "report.html"
    write_page(path, episodes=episodes, rows=rows, facts=facts or {}, version=version, **more)
    return path.read_text(encoding="utf-8")


def data_in(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(text, parse_constant=pytest.fail)


class Reader(HTMLParser):
    """Collects tags, references to elsewhere and text; notes tags that close in the wrong order."""

    VOID = frozenset({"meta", "input", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.references, self.text = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [v for k, v in attributes if k in {"src", "href", "srcset", "data"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_page_asks_for_nothing_from_elsewhere(tmp_path):
    page = written(tmp_path, [episode()], [row()], {"parameters": "3"})
    reader = read(page)
    assert all(reference.startswith("#") for reference in reader.references)
    assert not re.search(r"https?:|//\w+\.|@import|\bfetch\(|XMLHttpRequest|import\(", page)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert not {"link", "img", "iframe", "object"} & set(reader.tags)
    assert "<!--" not in page, "a hole was left open"


def test_frames_and_beliefs_come_back_as_they_went_in(tmp_path):
    sent = episode()
    got = data_in(written(tmp_path, [sent]))["episodes"][0]
    bits = np.frombuffer(base64.b64decode(got["frames"]["bits"]), np.uint8)
    frames = np.unpackbits(bits, count=sent.frames.size, bitorder="little")
    np.testing.assert_array_equal(frames.reshape(got["frames"]["shape"]), sent.frames)
    for name in ("title", "frame_ms"):
        assert got[name] == getattr(sent, name)
    assert tuple(got["classes"]) == sent.classes
    for name in ("position", "hidden", "label", "occluder"):
        np.testing.assert_allclose(got[name], getattr(sent, name), atol=5.1e-5)
    for b, sent_b in zip(got["beliefs"], sent.beliefs, strict=True):
        assert b["model"] == sent_b.model
        for name in ("probabilities", "position", "unseen", "spikes", "synops"):
            np.testing.assert_allclose(b[name], getattr(sent_b, name), atol=5.1e-5)


def test_what_is_not_known_stays_null(tmp_path):
    bare = replace(episode(), position=None, hidden=None, label=None, occluder=None)
    quiet = replace(bare.beliefs[0], spikes=None, synops=None, unseen=np.full(33, np.nan))
    sent = replace(bare, beliefs=(quiet,))
    got = data_in(written(tmp_path, [sent], [row(score=float("nan"), low=np.float32("inf"))]))
    assert all(got["episodes"][0][k] is None for k in ("position", "hidden", "label", "occluder"))
    assert got["episodes"][0]["beliefs"][0]["unseen"] == [None] * 33
    assert got["episodes"][0]["beliefs"][0]["spikes"] is None
    assert got["rows"][0]["score"] is None
    assert got["rows"][0]["low"] is None


@pytest.mark.parametrize("name", ["position", "hidden", "label", "occluder"])
def test_a_truth_of_another_length_is_named(name):
    sent = episode()
    with pytest.raises(ValueError, match=rf"^episode 'curtain': {name} is \(32.*expected \(33.*$"):
        replace(sent, **{name: getattr(sent, name)[1:]})


@pytest.mark.parametrize("name", ["probabilities", "position", "unseen", "spikes", "synops"])
def test_a_belief_of_another_length_is_named_with_its_model(name):
    sent = episode()
    short = replace(sent.beliefs[1], **{name: getattr(sent.beliefs[1], name)[1:]})
    with pytest.raises(ValueError, match=rf"{name} of 'lif tau 2.0' is \(32") as error:
        replace(sent, beliefs=(sent.beliefs[0], short))
    assert "\n" not in str(error.value)


def test_frames_of_one_polarity_and_an_unknown_label_are_refused():
    sent = episode()
    with pytest.raises(ValueError, match=r"frames is .*expected \(T, 2, H, W\)"):
        replace(sent, frames=sent.frames[:, :1])
    with pytest.raises(ValueError, match="label 3 is not below 3"):
        replace(sent, label=sent.label + 1)


def test_hostile_text_stays_text(tmp_path):
    sent = replace(episode(models=(HOSTILE,)), title=HOSTILE, classes=(HOSTILE, "b", "c"))
    rows = [row(memory=HOSTILE, tier=HOSTILE, judgement=j) for j in ("belief", HOSTILE)]
    page = written(tmp_path, [sent], rows, {HOSTILE: HOSTILE}, HOSTILE)
    reader = read(page)
    assert reader.tags.count("script") == 2, "the data and the program"
    assert HOSTILE in reader.text
    assert "<!--" not in page
    got = data_in(page)
    assert got["episodes"][0]["title"] == got["rows"][0]["memory"] == HOSTILE


def test_score_tables_hold_every_row(tmp_path):
    rows = [
        row(hidden_frames=1000, score=0.5),
        row(hidden_frames=30, place_error_px=1.26),
        row(hidden_frames=30, score=0.25, state_noise=0.01),
        row("lif", tau=2.0, score=0.125, tier="real", dataset="nmnist"),
        row("constant", score=0.0625),
        row(score=0.75, judgement="recovery"),
    ]
    page = written(tmp_path, rows=rows)
    for text in ("50.0 %", "91.2 %", "25.0 %", "12.5 %", "6.2 %", "75.0 %", "1.3 px off"):
        assert text in page
    for text in ("90.0 % to 92.0 %", "real, nmnist: belief", "blackout: recovery", "not run"):
        assert text in page
    names = [r["name"] for r in data_in(page)["rows"]]
    assert names[1:5] == ["leaky", "leaky, state noise 0.01", "lif tau 2.0", "best constant guess"]
    assert page.index(">30</th>") < page.index(">1000</th>")


def test_rows_of_presence_have_no_score_to_show(tmp_path):
    presence = row(judgement="presence", moment="last", presence_score=0.25)
    without = written(tmp_path, rows=[row(score=0.5)])
    assert written(tmp_path, rows=[row(score=0.5), presence]) == without


def test_the_page_says_what_each_row_is_and_compares_at_equal_training(tmp_path):
    about = {"latch": "the network without memory; trained for 1,200 steps", HOSTILE: HOSTILE}
    page = written(tmp_path, rows=[row()], about=about, equal=read_equal_training())
    text = read(page).text
    for words in ("the network without memory; trained for 1,200 steps", HOSTILE, "65.7 % (64-69)"):
        assert words in text
    assert "At equal training, 1,200 steps each" in text
    assert text.index("GRU") < text.index("leaky memory")


def test_four_full_episodes_stay_under_a_megabyte(tmp_path):
    models = ("leaky", "lif tau 2.0", "none", "latch")
    one = episode(steps=120, height=64, width=64, classes=8, models=models)
    assert len(written(tmp_path, [one] * 4).encode()) < 1_000_000


def test_a_page_that_fails_leaves_the_old_one_whole(tmp_path, monkeypatch):
    old = written(tmp_path, [episode()])
    with pytest.raises(TypeError):
        written(tmp_path, rows=[row(score=0.5, seed=object())])

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        written(tmp_path)
    (file,) = (tmp_path / "new").iterdir()
    assert file.read_text(encoding="utf-8") == old


def test_an_empty_page_is_still_a_page(tmp_path):
    shown = data_in(written(tmp_path))
    assert (shown["episodes"], shown["rows"]) == ([], [])
