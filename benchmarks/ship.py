"""Put a trained model into the package, in half precision: python benchmarks/ship.py RUN NAME.

RUN is its run folder, NAME what `neurosvt` will call it. Everything that the file says of itself
(its run, its validation scores, the latch's threshold) goes along. What pyproject.toml keeps out of
the wheel also gets its line in neurosvt/weights/elsewhere.json; a test holds it up to date.
"""

import json
import sys
import tomllib
from pathlib import Path

from torch import Tensor

from neurosvt import __version__
from neurosvt.experiments.checkpoints import WEIGHTS, model_file
from neurosvt.experiments.elsewhere import TABLE
from neurosvt.files import sha256_of
from neurosvt.training import checkpoint

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
REPOSITORY = "neuro-svt/weights"
"""Where a release puts what the wheel leaves out, under its version's tag."""


def ship(run: str, name: str) -> Path:
    """Write it; returns where to."""
    tensors, metadata = checkpoint.read_tensors(model_file(run))
    if not all(t.isfinite().all() for t in tensors.values()):
        sys.exit(f"{run} holds numbers that are not finite")
    half = {name: in_half(tensor) for name, tensor in tensors.items()}
    path = WEIGHTS / f"{name}.safetensors"
    checkpoint.write_tensors(path, half, metadata)
    TABLE.write_text(elsewhere(), encoding="utf-8")
    return path


def in_half(tensor: Tensor) -> Tensor:
    """In half precision, or as it is where that does not reach: statistics of counted events."""
    half = tensor.half() if tensor.is_floating_point() else tensor
    return half if half.isfinite().all() else tensor


def left_out() -> list[Path]:
    """The weights that pyproject.toml keeps out of the wheel."""
    settings = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["scikit-build"]
    patterns = [line for line in settings["wheel"]["exclude"] if line.endswith(".safetensors")]
    return sorted(path for line in patterns for path in PYPROJECT.parent.glob(line))


def elsewhere() -> str:
    """The text of elsewhere.json."""
    models = {
        path.stem: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in left_out()
    }
    table = {"repository": REPOSITORY, "revision": f"v{__version__}", "models": models}
    return json.dumps(table, indent=1) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(ship(*sys.argv[1:]))
