"""neurosvt energy: what a run's operations are, and what they would cost, beside ViT-Tiny."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default="permanence",
        help="run folder, checkpoint or shipped model (default: permanence)",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="the cost tables and their sources")
    parser.add_argument(
        "--costs", default="horowitz-45nm,memory-once,memory-each", metavar="TABLES",
        help="cost tables, comma-separated (see --list), or a .toml file of one's own",
    )  # fmt: skip
    parser.add_argument("--tier", help="what hides the object (curtain, or what RUN knows)")
    parser.add_argument("--hidden", type=int, default=60, help="hidden frames")
    parser.add_argument(
        "--noise-hz", type=float, metavar="HZ",
        help="sensor noise per pixel; default: that of training",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=int, default=16, help="sequences, or images or clips, to count over"
    )
    parser.add_argument("--events", type=int, default=1000, help="for the accuracy of each model")
    parser.add_argument("--layers", action="store_true", help="also layer by layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", metavar="FILE", help="also draw joules per frame (.svg, .png)")
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Count, print the tables, and write the rows."""
    from rich.console import Console

    from neurosvt.config import UserError
    from neurosvt.energy.compare import accounts_of, as_published
    from neurosvt.energy.costs import tables_named
    from neurosvt.energy.tables import layer_table, sources, total_tables, verdict
    from neurosvt.experiments.checkpoints import load_model
    from neurosvt.results.places import check_writable
    from neurosvt.results.rows import write_results

    console = Console(width=110)
    if args.list:
        console.print(sources())
        return 0
    for path in filter(None, (args.json, args.figure)):
        check_writable(path)
    if args.figure and not args.figure.endswith((".svg", ".png")):
        raise UserError(f"--figure is drawn as .svg or .png, got {args.figure}")
    if min(args.samples, args.events, args.hidden) < 1 or args.seed < 0:
        raise UserError("--samples, --events and --hidden must be at least 1, --seed not below 0")
    costs = [table for name in args.costs.split(",") for table in tables_named(name.strip())]
    trained = load_model(args.run)
    accounts = accounts_of(trained, args)
    rows = [row for account in accounts for row in account.rows(costs)]
    if args.layers:
        console.print(layer_table(accounts[0]))
    for table in total_tables(rows):
        console.print(table)
    for line in verdict(rows):
        print(line)
    if len(accounts) > 1:
        print(as_published(trained, accounts[0]))
    if args.figure:
        from neurosvt.energy.figures import draw_energy

        draw_energy(args.figure, rows)
    if args.json:
        write_results(args.json, command_of(args), rows)
    return 0


def command_of(args: argparse.Namespace) -> str:
    """The command line that counts the same again."""
    import shlex

    words = ["neurosvt", "energy", args.run, "--costs", args.costs]
    words += ["--tier", args.tier] if args.tier else []
    words += ["--hidden", str(args.hidden), "--samples", str(args.samples)]
    words += [] if args.noise_hz is None else ["--noise-hz", f"{args.noise_hz:g}"]
    return shlex.join([*words, "--events", str(args.events), "--seed", str(args.seed)])
