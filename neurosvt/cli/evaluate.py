"""neurosvt evaluate: how often a classifier is right, with its interval."""

import argparse

from neurosvt.cli.options import add_device, add_json, add_model, check_outputs, write_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_model(parser, default="dysvit")
    parser.add_argument(
        "--split", choices=["test", "validation", "train"], default="test", help="which part"
    )
    parser.add_argument(
        "--confusion", action="store_true", help="also which class is taken for which"
    )
    parser.add_argument(
        "--engine",
        choices=["float32", "int8", "none"],
        default="float32",
        help="weights of a DySViT there; none: on PyTorch, as other models and GPUs are",
    )
    add_device(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Judge, print what was found, and write the rows."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    from rich.console import Console

    from neurosvt.classification.accuracy import (
        accuracy_row,
        confusion,
        confusion_rows,
        confusion_table,
        predict_classes,
    )
    from neurosvt.config import UserError
    from neurosvt.engine.images import ImageEngine
    from neurosvt.experiments.checkpoints import load_classifier
    from neurosvt.models.dysvit import DySViT

    check_outputs(args.json)
    trained = load_classifier(args.run)
    answers = trained.model
    if isinstance(trained.model, DySViT) and args.engine != "none" and args.device == "cpu":
        answers = ImageEngine(trained.model, args.engine)
    elif args.engine == "int8":
        raise UserError(f"--engine int8 is for a DySViT, {args.run} is none, or not on the CPU")
    samples, classes = trained.run.samples(args.split), trained.run.classes
    predicted = predict_classes(answers, samples)
    about = {"model": args.run, "dataset": trained.run.data.dataset, "split": args.split}
    row = accuracy_row(predicted, samples.labels)
    print(
        f"{args.run}: {row['accuracy']:.2%} of {row['samples']:,} samples of {about['dataset']}, "
        f"{args.split} ({row['low']:.1%} to {row['high']:.1%})"
    )
    rows = [row]
    if args.confusion:
        counts = confusion(predicted, samples.labels, len(classes))
        Console(width=110).print(confusion_table(counts, classes))
        rows += confusion_rows(counts, classes)
    write_rows(args, [{**about, **one} for one in rows])
    return 0
