"""The guide shows the steps that the manifest tells."""

import pytest

from neurosvt.experiments.registry import load_run
from neurosvt.export.nir import manifest_of, split_model
from neurosvt.models.dysvit import DySViT
from tests.docs.pages import DOCS

pytest.importorskip("nir", reason="nir is not installed (extra: export)")


def table(kind):
    """A row for every step of a model, of its blocks the first alone."""
    made = DySViT() if kind == "dysvit" else load_run("permanence_base").network("auto")
    steps = manifest_of(*split_model(made.eval()))["steps"]
    first = [step for step in steps if not step.get("file", "").startswith(LATER)]
    return list(dict.fromkeys(map(row, first)))


LATER = tuple(f"blocks.{i}." for i in range(1, 10))


def row(step):
    if "host" in step:
        return f"| host: {step['host']} | {step['because']} | | |"
    nodes = [kind for kind in step["nodes"].values() if kind not in ("Input", "Output")]
    into, out = (" × ".join(map(str, step[end]["shape"])) for end in ("takes", "gives"))
    return f"| `{step['file']}` | {', '.join(nodes)} | {into} → {out} | {step['copies']} |"


@pytest.mark.parametrize("kind", ["neurosvt", "dysvit"])
def test_the_guide_shows_every_step(kind):
    page = (DOCS / "guides" / "export.md").read_text()
    assert "\n".join(table(kind)) in page
