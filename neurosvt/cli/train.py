"""neurosvt train: train a named run, or one described in a TOML file.

Writes to its folder: `last.safetensors` (everything, to resume from), `earlier.safetensors` (the
same, of the time before), `best.safetensors` (the weights that validation liked best) and
`history.json` (the curve).
"""

import argparse

from neurosvt.cli.options import add_device, add_quiet, add_ray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "name", metavar="NAME|FILE.toml|FOLDER", nargs="?",
        help="a run (neurosvt list runs), a file, or a folder of recordings that `neurosvt data "
        "prepare index` made; may be left out to resume what --out names",
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", help="run folder, instead of runs/NAME")
    parser.add_argument(
        "--resume", nargs="?", const="always", metavar="auto",
        help="go on from the last checkpoint, with its settings; auto: begin if there is none",
    )  # fmt: skip
    parser.add_argument(
        "--no-amp", action="append_const", const="train.amp=false", default=[], dest="settings",
        help="float32 products, also where the hardware computes in half precision",
    )  # fmt: skip
    for option, said in (
        ("start", "model whose weights it starts from; its classes are replaced if they differ"),
        ("freeze", "what does not learn: spatial, all before the memory, or nothing"),
    ):
        parser.add_argument(f"--{option}", help=said)
    parser.add_argument("--backend", default="auto", help="how neurons are computed")
    add_device(parser)
    parser.add_argument("--threads", type=int, help="cores to use, instead of all")
    parser.add_argument("--on-nan", default="stop", help="no finite gradient: stop, or skip a step")
    parser.add_argument(
        "--log", default="", metavar="NAMES",
        help="log as well, on this machine: tensorboard, trackio, or both with a comma",
    )  # fmt: skip
    add_quiet(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change one setting, as in train.steps=100; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--over", action="append", default=[], metavar="KEY=VALUE,VALUE",
        help="train all variants, as in train.seed=0,1,2; may be given again, goes on by itself",
    )  # fmt: skip
    add_ray(parser)


def run(args: argparse.Namespace) -> int:
    """Train, and say what came out."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    from pathlib import Path

    import torch

    from neurosvt.cli.options import check_choice
    from neurosvt.config import UserError, override
    from neurosvt.experiments.logs import LOGS
    from neurosvt.experiments.registry import run_settings
    from neurosvt.experiments.resume import holds_training, saved_run
    from neurosvt.experiments.runs import build_run
    from neurosvt.experiments.sweep import sweep
    from neurosvt.experiments.trainer import ON_NAN, train
    from neurosvt.ops.lif import BACKENDS
    from neurosvt.results.rows import write_results
    from neurosvt.spread import spread_over

    if args.resume not in (None, "always", "auto"):  # what follows it is the run's name
        if args.name:
            raise UserError(f"--resume takes auto or nothing, got {args.resume!r}")
        args.name, args.resume = args.resume, "always"
    if not args.name and not (args.resume and args.out):
        raise UserError("name a run (neurosvt list runs), or what to resume: --resume --out DIR")
    if args.threads is not None:
        if args.threads < 1:
            raise UserError(f"--threads must be at least 1, got {args.threads}")
        torch.set_num_threads(args.threads)
    for option in ("start", "freeze"):
        if getattr(args, option):
            args.settings.append(f"train.{option}={getattr(args, option)}")
    check_choice("--backend", args.backend, ["auto", *BACKENDS])
    check_choice("--on-nan", args.on_nan, ON_NAN)
    if args.backend == "cupy" and args.no_cupy:
        raise UserError("--no-cupy refuses what --backend cupy asks for: leave one of them out")
    folder = Path(args.out) if args.out else Path("runs") / Path(args.name).stem
    resume = holds_training(folder) if args.resume == "auto" else args.resume is not None
    if not (args.name or resume):
        raise UserError(f"{folder} holds no training: name a run to begin (neurosvt list runs)")
    if args.ray and not args.over:
        raise UserError("--ray spreads variants: say which, as in --over train.seed=0,1")
    logs = [name.strip() for name in args.log.split(",") if name.strip()]
    for name in logs:
        check_choice("--log", name, LOGS)
    how = {"backend": args.backend, "device": args.device, "logs": logs, "on_nan": args.on_nan}
    settings = run_settings(args.name) if args.name and not resume else {}
    if args.over:
        if not settings:
            raise UserError("--over goes on by itself: name the run, and leave out --resume")
        rows = []
        with spread_over(args.ray, args.device) as spread:
            for row in sweep(override(settings, args.settings), args.over, folder, spread, **how):
                if not args.quiet:
                    print(*(f"{name} {value}" for name, value in row.items()), sep="  ")
                rows.append(row)
        write_results(folder / "sweep.json", args.command, rows)
        return 0
    described = (
        saved_run(folder, args.settings) if resume else build_run(override(settings, args.settings))
    )
    train(described, folder, resume=resume, quiet=args.quiet, **how)
    return 0
