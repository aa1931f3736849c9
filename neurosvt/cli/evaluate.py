"""neurosvt evaluate: how often a classifier is right, with its interval."""

import argparse

from neurosvt.cli.options import add_json, add_model, check_outputs, write_rows


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
        "--weights",
        choices=["float32", "int8"],
        default="float32",
        help="of a DySViT in the engine: as they are, or rounded to 8 bits",
    )
    parser.add_argument(
        "--no-engine", action="store_true", help="compute a DySViT with PyTorch, as others are"
    )
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
    answers, in_engine = trained.model, isinstance(trained.model, DySViT) and not args.no_engine
    if in_engine:
        answers = ImageEngine(trained.model, args.weights)
    elif args.weights != "float32":
        raise UserError(f"--weights {args.weights} is for a DySViT in the engine")
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
