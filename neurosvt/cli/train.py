"""neurosvt train: train a named run, or one described in a TOML file.

Writes to its folder: `last.safetensors` (everything, to resume from), `best.safetensors` (the
weights that validation liked best) and `history.json` (the curve).
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "name",
        metavar="NAME|FILE.toml",
        help="permanence_first, nmnist, dysvit_protocol, ... or a file",
    )
    parser.add_argument("--out", metavar="DIR", help="run folder (default: runs/NAME)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--no-amp", action="store_true", help="float32 instead of bfloat16 products"
    )
    parser.add_argument("--backend", default="auto", help="how neurons are computed (auto)")
    parser.add_argument("--device", default="cpu", help="where to train: cpu, cuda or cuda:N (cpu)")
    parser.add_argument("--threads", type=int, help="cores to use (default: all)")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change one setting, as in train.steps=100; may be given again",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Train, and say what came out."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    from pathlib import Path

    import torch

    from neurosvt.config import UserError, override
    from neurosvt.experiments.registry import run_settings
    from neurosvt.experiments.runs import build_run
    from neurosvt.experiments.trainer import Trainer
    from neurosvt.ops.lif import backend_named

    if args.threads is not None:
        if args.threads < 1:
            raise UserError(f"--threads must be at least 1, got {args.threads}")
        torch.set_num_threads(args.threads)
    try:
        backend_named(args.backend)
    except ValueError as error:
        raise UserError(f"--{error}") from error
    settings = [*args.settings, *(["train.amp=false"] if args.no_amp else [])]
    described = build_run(override(run_settings(args.name), settings))
    folder = Path(args.out) if args.out else Path("runs") / Path(args.name).stem
    device = _device(args.device)
    trainer = Trainer(described, folder, args.backend, device, tensorboard=args.tensorboard)
    trainer.prepare(resume=args.resume)
    return trainer.run()


def _device(name: str) -> "torch.device":
    """A device that is there: better known before the data are read than after."""
    import torch

    from neurosvt.config import UserError

    there = ["cpu", "cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available():
        there = ["cpu"]
    if name not in there:
        raise UserError(f"--device {name!r} is not here; choose from {', '.join(there)}")
    return torch.device(name)
