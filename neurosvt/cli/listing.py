"""neurosvt list: the names that other commands take, and what each stands for."""

import argparse

LISTED = ("runs", "tiers", "memories", "costs", "datasets", "models")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("what", choices=LISTED, help="names of which kind")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from rich.console import Console

    from neurosvt.experiments.names import NAME_TABLES

    Console(width=110).print(NAME_TABLES[args.what]())
    return 0
