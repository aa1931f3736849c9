from itertools import product

from neurosvt.energy.figures import draw_energy


def test_every_table_has_a_panel_with_every_model_and_phase(tmp_path):
    rows = [
        {
            "model": model, "phase": phase, "table": table, "precision": "int8",
            "joules_per_frame": 1e-6 if phase == "active" else 0.0,
        }
        for model, phase, table in product(
            ("neurosvt", "vit-tiny"), ("active", "hidden"), ("seed", "memory", "own", "other")
        )
    ]  # fmt: skip
    draw_energy(tmp_path / "figure.svg", rows)
    text = (tmp_path / "figure.svg").read_text()
    for word in ("neurosvt", "vit-tiny", "seed, int8", "other, int8", "microjoules a frame"):
        assert f">{word}</text>" in text
    assert ">active frames</text>" in text
    assert ">hidden frames</text>" not in text  # they cost nothing
