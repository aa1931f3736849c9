"""The page about the shipped models: every figure of it stands in the rows that are committed."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from neurosvt.cli import main
from neurosvt.report.gather import gather_run, of_run
from neurosvt.report.html import counted, interval, share
from neurosvt.report.write import write_report
from neurosvt.results.rows import Results, read_results, write_results

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
VOID = {"meta", "img", "br", "input", "link", "hr"}


class Outline(HTMLParser):
    """Cells with their sources, pictures, and what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.pictures, self.ids = [], [], [], []
        self.of, self.text = None, ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.of, self.text = told.get("data-of"), ""
        if tag == "img":
            self.pictures.append(told)
        if "id" in told:
            self.ids.append(told["id"])

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "td":
            self.cells.append((self.of, self.text))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, ["permanence", "dysvit"], rows=[RESULTS])
    return path


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page.read_text())


def test_every_figure_stands_in_the_committed_rows(outline):
    told = [(of.split(), text) for of, text in outline.cells if of]
    assert len(told) > 500
    kept = {}
    for sources, text in told:
        shown = [
            float(x.replace(",", "")) for x in re.findall(r"-?[\d,]+\.?\d*(?:e[+-]\d+)?", text)
        ]
        assert len(shown) == len(sources), (sources, text)
        for source, figure in zip(sources, shown, strict=True):
            file, index, name = re.fullmatch(r"(.+)#(\d+)\.(\w+)", source).groups()
            rows = kept.setdefault(file, read_results(RESULTS / file).rows)
            value = rows[int(index)][name]
            assert any(
                figure == pytest.approx(times * value, rel=6e-3, abs=0.051)
                for times in (1, 100, 1000, 1e6)
            ), (source, text, value)


def test_a_table_holds_rows_that_were_asked_alike(outline):
    """Frames of 5 ms and a noise of nothing are other questions, though tier and length agree."""
    rows = read_results(RESULTS / "permanence.json").rows
    told = [of for of, _ in outline.cells if of and of.startswith("permanence.json#")]
    asked = {int(re.match(r"permanence\.json#(\d+)", of)[1]) for of in told}
    beliefs = [rows[i] for i in asked if rows[i]["judgement"] in ("belief", "presence")]
    assert len(beliefs) > 60
    for key, value in {"frame_ms": 10.0, "state_noise": 0.01, "dataset": "scenes"}.items():
        assert {row[key] for row in beliefs} == {value}
    assert len(
        {(r["judgement"], r["tier"], r.get("moment"), r["hidden_frames"]) for r in beliefs}
    ) == len(beliefs)


def test_it_is_one_sound_page_below_5_mb_that_loads_nothing(page, outline):
    text = page.read_text()
    assert page.stat().st_size < 5e6
    assert text.startswith("<!doctype html>")
    assert len(set(outline.ids)) == len(outline.ids)
    assert all(one["src"].startswith("data:image/") and one["alt"] for one in outline.pictures)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert "<!--" not in text
    assert "<script" not in text


def test_it_says_command_commit_and_date_of_all_rows(page):
    text = page.read_text()
    for file in ("permanence.json", "energy.json", "latency.json", "dysvit.json"):
        head = read_results(RESULTS / file).head
        assert file in text
        assert head["commit"] in text
        assert head["date"] in text
    assert "neurosvt permanence --suite full --seed 0" in text


def test_rows_of_other_runs_stay_out(page):
    text = page.read_text()
    assert "nmnist.json" not in text
    assert "dysvit_protocol.json" not in text


@pytest.mark.parametrize(
    ("command", "run", "mine"),
    [
        ("neurosvt permanence --suite full --seed 0", "permanence", True),
        ("neurosvt permanence nmnist --tiers real", "permanence", False),
        ("neurosvt permanence permanence --memory leaky", "permanence", True),
        ("neurosvt energy", "permanence", True),
        ("neurosvt energy dysvit", "permanence", False),
        ("neurosvt bench latency --rounds 101", "permanence", True),
        ("neurosvt bench formats", "permanence", False),
        ("neurosvt evaluate runs/mine --confusion", "runs/mine", True),
        ("neurosvt train a; neurosvt train mine", "mine", True),
        ("", "permanence", False),
        ("neurosvt 'unclosed", "permanence", False),
    ],
)
def test_a_command_tells_whose_rows_they_are(command, run, mine):
    assert of_run(Results({"command": command}, []), run) is mine


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A run folder with its curve, its confusion, and no more."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    weights = Path(__file__).parents[2] / "neurosvt" / "weights" / "dysvit.safetensors"
    shutil.copy(weights, folder / "best.safetensors")
    history = [{"step": s, "loss": 1 / s, "score": 1 - 1 / s, "seconds": s} for s in (1, 2, 4)]
    (folder / "history.json").write_text(json.dumps({"history": history}))
    rows = [{"shown": a, "named": b, "samples": n} for a, b, n in [("x", "x", 7), ("x", "<y>", 2)]]
    write_results(folder / "evaluate.json", "neurosvt evaluate runs/mine --confusion", rows)
    (folder / "other.json").write_text("[1]")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_run_of_mine_is_told_with_what_lies_in_its_folder(mine, capsys):
    assert main(["report", "runs/mine", "--out", "mine.html"]) == 0
    assert capsys.readouterr().out == "mine.html\n"
    text = Path("mine.html").read_text()
    cells = Outline(text).cells
    assert ("evaluate.json#0.samples", "7") in cells
    assert "&lt;y&gt;" in text
    assert "<y>" not in text
    assert "neurosvt energy runs/mine --json runs/mine/energy.json" in text
    assert "over steps of training" in text
    assert len(gather_run("runs/mine").curve) == 3


def test_differences_of_runs_are_marked(tmp_path):
    path = write_report(tmp_path / "two.html", ["dysvit", "dysvit_protocol"])
    text = path.read_text()
    marked = re.search(r'<div class="differ">(.*?)</table>', text, re.DOTALL)[1]
    assert "train.teacher" in marked
    assert "model.kind" not in marked


def test_slopes_are_drawn_over_images(tmp_path):
    import numpy as np
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8)).save(
        tmp_path / "noise.png"
    )
    path = write_report(tmp_path / "s.html", ["dysvit"], images=[str(tmp_path / "noise.png")])
    assert "data:image/png;base64," in path.read_text()


def test_figures_read_as_they_are():
    from neurosvt.report.gather import SourcedRow

    row = SourcedRow("a.json", 3, {"score": 0.9514, "low": 0.9, "high": None, "n": 12345.6})
    assert interval(row.figure)[0] == "95.1"
    assert share(row.figure("low"))[0] == "90.0"
    assert counted(row.figure("n"))[0] == "12,346"
    assert row.figure("n").source == "a.json#3.n"
