"""One image at a time: DySViT in the engine and on PyTorch, beside its dense twin.

The twin has DySViT's shape and is a plain transformer: real numbers, LayerNorm, softmax, GELU.
"""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.bench.onnx_peers import PlainViT, in_onnxruntime
from neurosvt.bench.timing import Candidate
from neurosvt.classification.accuracy import as_input
from neurosvt.datasets.folder import data_root
from neurosvt.engine import ImageEngine
from neurosvt.experiments.checkpoints import load_classifier
from neurosvt.models.dysvit import DySViT

IMAGES = 64
"""Of the test part, in turn."""


def cifar10_candidates() -> Iterator[Candidate]:
    """The shipped DySViT on images of CIFAR-10; nothing where these are not there."""
    if not (data_root() / "cifar10").is_dir():
        return
    trained = load_classifier("dysvit")
    samples = trained.run.samples("test")
    yield from image_candidates(trained.model, as_input(samples, np.arange(IMAGES)))


def image_candidates(model: DySViT, images: Float[Tensor, "M 3 Y X"]) -> Iterator[Candidate]:
    """All ways to classify one image; each takes the given images in turn.

    Args:
        model: trained, for its time follows its spikes.
        images: normalised.
    """
    cfg = model.config
    made = partial(
        Candidate, what="one image", shape=f"{cfg.width}/{cfg.depth}/{cfg.heads}", heavy=True
    )
    for kind in ("float32", "int8"):
        yield made("engine", dtype=kind, run=_turns(ImageEngine(model, weights=kind), images))
    plain = model.deployed()
    yield made("PyTorch", dtype="float32", run=_turns(torch.no_grad()(plain), images))
    if not find_spec("onnxruntime"):
        return
    torch.manual_seed(0)
    twin = PlainViT(
        3, cfg.image_size, cfg.patch_size, cfg.width, cfg.depth, cfg.heads, cfg.classes
    ).eval()
    for kind, ask in in_onnxruntime(twin, images[:1]).items():
        yield made("dense twin, onnxruntime", dtype=kind, run=_turns(ask, images.numpy()))


def _turns(judge: Any, images: Any) -> Any:
    turns = cycle([images[i : i + 1] for i in range(len(images))])
    return lambda: judge(next(turns))
