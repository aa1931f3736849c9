"""neurosvt heatmap: the slopes that a DySViT chose for every token, as pictures and against edges.

A slope is how sharp the surrogate of a neuron is while it learns. With images it writes a picture
of each; without any it judges all test images of CIFAR-10 together. Both print a table: how far the
slopes of each layer reach, and how they go with the strength of edges in the patch.
"""

import argparse

from neurosvt.cli.options import add_device, add_json, add_model, check_outputs, warn, write_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_model(parser)
    parser.add_argument(
        "images", metavar="IMAGE", nargs="*",
        help="image file of any size, or test:N for a test image of CIFAR-10",
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", default="heatmaps", help="where pictures go")
    parser.add_argument(
        "--grid", metavar="FILE", help="also one PNG of all images, a mean for every block"
    )
    add_device(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Look, draw, print the table, and write the rows."""
    # Imported here so that `neurosvt --help` answers at once, without loading torch.
    from pathlib import Path

    from rich.console import Console

    from neurosvt.classification.heatmap import draw_panels
    from neurosvt.classification.slopes import (
        measure_slopes,
        slope_panels,
        slope_rows,
        slope_table,
    )
    from neurosvt.config import UserError
    from neurosvt.datasets.any_image import read_named_images
    from neurosvt.experiments.checkpoints import load_image_model
    from neurosvt.results.places import check_folder

    if args.grid and not args.images:
        raise UserError("--grid wants images to show")
    out = check_folder(args.out)
    check_outputs(args.grid, args.json)
    trained = load_image_model(args.run)
    names, pixels = read_named_images(args.images, trained.run.model.image_size, warn)
    found = measure_slopes(trained.model, pixels)
    for i, name in enumerate(names):
        path = out / f"{name}.png"
        title = f"{args.run}: surrogate slopes over {name}"
        draw_panels(path, title, slope_panels(found, i, name))
        print(path)
    if args.grid:
        panels = [slope_panels(found, i, name, by_block=True)[0] for i, name in enumerate(names)]
        title = f"{args.run}: surrogate slopes, mean over each block"
        draw_panels(Path(args.grid), title, panels)
        print(args.grid)
    rows = slope_rows(found)
    Console(width=100).print(slope_table(rows))
    about = {"model": args.run, "dataset": "files" if args.images else "cifar10"}
    write_rows(args, [{**about, **row} for row in rows])
    return 0
