"""neurosvt evaluate: how often a classifier is right, with its interval."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default="dysvit",
        help="run folder, checkpoint or shipped model (default: dysvit)",
    )  # fmt: skip
    parser.add_argument("--split", choices=["test", "validation", "train"], default="test")
    parser.add_argument(
        "--confusion", action="store_true", help="also which class is taken for which"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Judge, print what was found, and write the rows."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    import shlex

    from rich.console import Console

    from neurosvt.classification.accuracy import accuracy_row, confusion, predict_classes
    from neurosvt.experiments.checkpoints import load_classifier
    from neurosvt.results.places import check_writable
    from neurosvt.results.rows import write_results

    if args.json:
        check_writable(args.json)
    trained = load_classifier(args.run)
    described = trained.run
    samples, classes = described.samples(args.split), described.classes
    said = predict_classes(trained.model, samples)
    about = {"model": args.run, "dataset": described.data.dataset, "split": args.split}
    row = accuracy_row(said, samples.labels)
    print(
        f"{args.run}: {row['accuracy']:.2%} of {row['samples']:,} samples of {about['dataset']}, "
        f"{args.split} ({row['low']:.1%} to {row['high']:.1%})"
    )
    rows = [{**about, **row}]
    if args.confusion:
        taken = confusion(said, samples.labels, len(classes))
        Console(width=110).print(_table(taken, classes))
        rows += [
            {**about, "shown": shown, "named": name, "samples": int(taken[i, j])}
            for i, shown in enumerate(classes)
            for j, name in enumerate(classes)
        ]
    if args.json:
        command = ["neurosvt", "evaluate", args.run, "--split", args.split]
        write_results(args.json, shlex.join(command + ["--confusion"] * args.confusion), rows)
    return 0


def _table(taken: Any, classes: tuple[str, ...]) -> "Table":
    from rich.table import Table

    table = Table(title="a row is what is shown, a column what is named")
    table.add_column("shown")
    for number in range(1, len(classes) + 1):
        table.add_column(str(number), justify="right")
    for number, (name, row) in enumerate(zip(classes, taken, strict=True), 1):
        table.add_row(f"{number} {name}", *(str(count) if count else "" for count in row))
    return table
