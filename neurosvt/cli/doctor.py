"""neurosvt doctor: what is installed, what is missing, and what that means."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(args: argparse.Namespace) -> int:
    """Print one line per finding."""
    from neurosvt.bench.installation import describe_installation

    findings = describe_installation()
    width = max(map(len, findings))
    for name, text in findings.items():
        print(f"{name:<{width}}  {text}")
    return 0
