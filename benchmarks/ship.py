"""Put a trained model into the package, in half precision: python benchmarks/ship.py RUN NAME.

RUN is its run folder, NAME what `neurosvt` will call it. Everything that the file says of itself
(its run, its validation scores, the latch's threshold) goes along.
"""

import sys
from pathlib import Path

from neurosvt.experiments.checkpoints import WEIGHTS, model_file
from neurosvt.training import checkpoint


def ship(run: str, name: str) -> Path:
    """Write it; returns where to."""
    tensors, metadata = checkpoint.read_tensors(model_file(run))
    half = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    if not all(t.isfinite().all() for t in half.values()):
        sys.exit(f"{run} holds numbers that half precision does not")
    path = WEIGHTS / f"{name}.safetensors"
    checkpoint.write_tensors(path, half, metadata)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(ship(*sys.argv[1:]))
