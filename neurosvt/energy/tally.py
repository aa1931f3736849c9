"""What vectors hold, as an energy account asks it, by a kernel.

Axes: R rows, D channels.
"""

import torch
from torch import Tensor

from neurosvt.ops.native import call
from neurosvt.ops.operators import Operator, ready


def _count(rows: Tensor, frame: Tensor | None, frames: int) -> Tensor:
    if frames < 1:
        raise ValueError(f"frames must be at least 1, got {frames}")
    found = torch.empty(5, dtype=torch.int64, device="cpu")
    frame = None if frame is None else ready(frame, torch.int64)
    call("tally", ready(rows, rows.dtype), frame, frames, found)
    return found


tally_rows = Operator(
    "tally_rows(Tensor rows, Tensor? frame, int frames) -> Tensor",
    _count,
    lambda rows, *rest: rows.new_empty(5, dtype=torch.int64),
)
"""Of rows (R, D) in frames: how many are not all 0 or 1, and their non-zeros; how many are, with at
least one 1, and their ones; columns with a non-zero in a frame, summed over frames. `frame` (R,)
says in which each lies; None: in equal parts, in their order."""
