"""Notebooks do what they show; what they showed on somebody's machine is not kept."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs the extra notebook")
nbclient = pytest.importorskip("nbclient", reason="needs the extra notebook")
pytest.importorskip("ipykernel", reason="needs the extra notebook")

FOLDER = Path(__file__).parent.parent / "notebooks"
CLAIMS = {
    "remember": """
truth, error = (curve[occlusion.last] for curve in followed["with memory"])
assert truth > 0.5 and error < 1 / 8, (truth, error)
assert followed["without"][1][occlusion.last] > 1 / 8
"""
}
"""What the text of a notebook says about its figures, as a last cell."""


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_and_shows_what_it_says(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:  # kept without outputs, so that a change is a change of the text
        assert (cell.get("outputs", []), cell.get("execution_count")) == ([], None)
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS[path.stem]))
    nbclient.NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
