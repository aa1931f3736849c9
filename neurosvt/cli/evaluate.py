"""neurosvt evaluate: how often a classifier of images is right, with its interval."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default="dysvit",
        help="run folder, checkpoint or shipped model (default: dysvit)",
    )  # fmt: skip
    parser.add_argument("--split", choices=["test", "validation", "train"], default="test")
    parser.add_argument("--json", metavar="FILE", help="also write the row as JSON")


def run(args: argparse.Namespace) -> int:
    """Judge, print one line, and write the row."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    import shlex

    from neurosvt.cli.output import check_writable, write_json
    from neurosvt.data import cifar10
    from neurosvt.evaluate.accuracy import accuracy_row
    from neurosvt.presets import load_classifier

    if args.json:
        check_writable(args.json)
    trained = load_classifier(args.run)
    images = cifar10.load(args.split)
    found = accuracy_row(trained.model, images)
    row = {"model": args.run, "dataset": trained.run.data.dataset, "split": args.split, **found}
    print(
        f"{args.run}: {row['accuracy']:.2%} of {row['samples']:,} images of {row['dataset']}, "
        f"{args.split} ({row['low']:.1%} to {row['high']:.1%})"
    )
    if args.json:
        command = ["neurosvt", "evaluate", args.run, "--split", args.split]
        write_json(args.json, shlex.join(command), [row])
    return 0
