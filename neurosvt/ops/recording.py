"""Whether what is done is done once, or written down to be done again with other values."""

import torch


def is_recorded() -> bool:
    """Whether `torch.compile`, `torch.export` or `torch.jit.trace` is looking on: then nothing may
    be chosen by values, for the choice would be written down with the rest."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
