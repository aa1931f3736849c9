"""neurosvt demo: an object disappears, and the model goes on knowing what and where it is.

Embedded scenes by default: the shipped models are shown objects that are hidden, and asked. The
table says how often they were right; the page (runs/demo/report.html) lets you watch.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--input", metavar="FILE", help="a recording instead of scenes")
    parser.add_argument("--out", default="runs/demo", metavar="DIR", help="where the page goes")
    parser.add_argument("--events", type=int, default=100, help="occlusion events per cell")
    parser.add_argument("--hidden", default="30,120,300", help="numbers of hidden frames")
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="permanence", help="which models watch --input FILE")
    parser.add_argument("--frames", type=int, default=100, help="frames of FILE to show")


def run(args: argparse.Namespace) -> int:
    """Show, print and write."""
    from neurosvt.demo.episodes import show_recording, show_scenes

    return show_recording(args) if args.input else show_scenes(args)
