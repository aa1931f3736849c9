import pytest
from matplotlib.axes import Axes

from neurosvt.permanence.figures import FEW, draw_calibration, draw_errors, draw_scores


def rows(tiers=("blackout", "tunnel"), memories=("leaky", "latch", "constant")):
    return [
        {
            "tier": tier, "memory": memory, "hidden_frames": hidden, "judgement": judgement,
            "score": 0.9 - hidden / 1000, "low": 0.8 - hidden / 1000, "high": 0.95,
            "place_error_px": 2.0 + hidden / 50,
        }
        for tier in tiers for memory in memories for hidden in (0, 30, 60)
        for judgement in ("belief", "recovery")
    ]  # fmt: skip


@pytest.mark.parametrize("draw", [draw_scores, draw_errors])
@pytest.mark.parametrize("tiers", [("blackout",), tuple("abcdefg")], ids=len)
def test_every_tier_has_a_panel_and_every_model_a_line(draw, tiers, tmp_path):
    path = tmp_path / "figure.svg"
    draw(path, rows(tiers))
    text = path.read_text()
    assert text.startswith("<?xml")
    for word in (*tiers, "leaky", "latch", "constant", "hidden frames"):
        assert f">{word}</text>" in text


@pytest.mark.parametrize("draw", [draw_scores, draw_errors])
def test_models_that_are_not_there_in_a_tier_are_left_out(draw, tmp_path):
    some = [r for r in rows() if (r["tier"], r["memory"]) != ("tunnel", "latch")]
    draw(tmp_path / "figure.png", some)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_more_models_than_colours_can_be_told_apart(tmp_path):
    draw_scores(tmp_path / "figure.svg", rows(memories=[f"model {i}" for i in range(13)]))
    assert "stroke-dasharray" in (tmp_path / "figure.svg").read_text()


def test_calibration_has_a_line_for_every_number_of_hidden_frames(tmp_path):
    points = [
        {
            "tier": "tunnel", "hidden_frames": hidden, "confidence": c, "class_score": c - 0.1,
            "events": 20,
        }
        for hidden in (30, 60) for c in (0.5, 0.9)
    ]  # fmt: skip
    draw_calibration(tmp_path / "figure.svg", points)
    text = (tmp_path / "figure.svg").read_text()
    for word in ("tunnel", "30 hidden frames", "60 hidden frames", "confidence (%)"):
        assert f">{word}</text>" in text


def test_calibration_draws_all_but_what_few_answered_and_a_diagonal(tmp_path, monkeypatch):
    drawn = []
    plot = Axes.plot

    def noted(self, x, y, **options):
        drawn.append((list(x), list(y)))
        return plot(self, x, y, **options)

    monkeypatch.setattr(Axes, "plot", noted)
    points = [
        {"tier": "tunnel", "hidden_frames": 30, "confidence": c, "class_score": c, "events": many}
        for c, many in ((0.25, FEW - 1), (0.5, FEW), (0.75, FEW + 1))
    ]
    draw_calibration(tmp_path / "figure.svg", points)
    assert drawn == [([0, 100], [0, 100]), ([50, 75], [50, 75])]
