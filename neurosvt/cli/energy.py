"""neurosvt energy: what a run's operations are, and what they would cost, beside ViT-Tiny."""

import argparse

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_model(parser, default="permanence")
    parser.add_argument(
        "--costs", default="horowitz-45nm,memory-once,memory-each", metavar="TABLES",
        help="cost tables, comma-separated (neurosvt list costs), or a .toml file of one's own",
    )  # fmt: skip
    parser.add_argument("--tier", help="what hides the object: curtain, or what RUN knows")
    parser.add_argument("--hidden", type=int, default=60, help="hidden frames")
    parser.add_argument(
        "--noise-hz", type=float, metavar="HZ",
        help="sensor noise per pixel, instead of that of training",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=int, default=16, help="sequences, or images or clips, to count over"
    )
    parser.add_argument("--events", type=int, default=1000, help="for the accuracy of each model")
    parser.add_argument("--layers", action="store_true", help="also layer by layer")
    options.add_seed(parser)
    parser.add_argument("--figure", metavar="FILE", help="also draw joules per frame (.svg, .png)")
    options.add_device(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Count, print the tables, and write the rows."""
    import sys

    from rich.console import Console

    from neurosvt.config import UserError
    from neurosvt.energy.costs import costs_named
    from neurosvt.energy.tables import energy_verdict, layer_table, total_tables
    from neurosvt.experiments.checkpoints import load
    from neurosvt.experiments.energy_baselines import EnergyPlan, energy_of, published_line

    options.check_outputs(args.json, args.figure)
    if args.figure and not args.figure.endswith((".svg", ".png")):
        raise UserError(f"--figure is drawn as .svg or .png, got {args.figure}")
    plan = EnergyPlan(args.tier, args.hidden, args.noise_hz, args.samples, args.events, args.seed)
    tables = [table for name in args.costs.split(",") for table in costs_named(name.strip())]
    trained, console = load(args.run), Console(width=110)
    costs = energy_of(trained, plan, say=lambda line: print(line, file=sys.stderr))
    rows = [row for cost in costs for row in cost.rows(tables)]
    for table in ([layer_table(costs[0])] if args.layers else []) + list(total_tables(rows)):
        console.print(table)
    for line in energy_verdict(rows):
        print(line)
    if len(costs) > 1:
        print(published_line(trained, costs[0]))
    if args.figure:
        from neurosvt.energy.figures import draw_energy

        draw_energy(args.figure, rows)
    options.write_rows(args, rows)
    return 0
