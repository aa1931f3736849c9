"""neurosvt heatmap: the slopes that a DySViT chose for every token, as pictures and against edges.

A slope is how sharp the surrogate of a neuron is while it learns. With images it writes a picture
of each; without any it judges all test images of CIFAR-10 together. Both print a table: how far the
slopes of each layer reach, and how they go with the strength of edges in the patch.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("run", metavar="RUN", help="run folder, checkpoint or shipped model")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="*",
        help="image file of 32 x 32 pixels, or test:N for a test image of CIFAR-10",
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", default="heatmaps", help="where pictures go")
    parser.add_argument(
        "--grid", metavar="FILE", help="also one PNG of all images, a mean for every block"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Look, draw, print the table, and write the rows."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    import shlex
    from pathlib import Path

    from rich.console import Console

    from neurosvt.classification.heatmap import draw
    from neurosvt.classification.slopes import look, picture, slope_rows, slope_table
    from neurosvt.config import UserError
    from neurosvt.results.places import check_folder, check_writable
    from neurosvt.results.rows import write_results

    if args.grid and not args.images:
        raise UserError("--grid wants images to show")
    out = check_folder(args.out)
    for file in filter(None, (args.grid, args.json)):
        check_writable(file)
    seen = look(args.run, args.images)
    for i, name in enumerate(seen.names):
        path = out / f"{name}.png"
        draw(path, f"{args.run}: surrogate slopes over {name}", picture(seen, i))
        print(path)
    if args.grid:
        rows = [picture(seen, i, by_block=True)[0] for i in range(len(seen.names))]
        draw(Path(args.grid), f"{args.run}: surrogate slopes, mean over each block", rows)
        print(args.grid)
    table = slope_rows(seen)
    Console(width=100).print(slope_table(table))
    if args.json:
        command = shlex.join(["neurosvt", "heatmap", args.run, *args.images])
        write_results(args.json, command, table)
    return 0
