"""neurosvt demo: an object disappears, and the model goes on knowing what and where it is.

Embedded scenes by default: the shipped models are shown objects that are hidden, and judged. The
table says how often they were right; the page (runs/demo/report.html) lets you watch.
"""

import argparse
import shlex

from neurosvt.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--input", metavar="FILE", help="a recording instead of scenes")
    parser.add_argument(
        "--out", metavar="DIR", help="where the page goes; runs/demo, of FILE a folder in it"
    )
    parser.add_argument("--events", type=int, default=100, help="occlusion events per cell")
    parser.add_argument("--hidden", default="30,120,300", help="numbers of hidden frames")
    options.add_watcher(parser)
    parser.add_argument("--frames", type=int, default=100, help="frames of FILE to show")
    options.add_reading(parser)
    options.add_seed(parser)
    options.add_device(parser)
    options.add_quiet(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Show, print and write."""
    from pathlib import Path

    from rich.console import Console

    from neurosvt.demo.belief_rows import belief_rows
    from neurosvt.demo.equal_training import equal_table
    from neurosvt.demo.show import last_words, show_recording, show_scenes
    from neurosvt.permanence.score_table import score_table
    from neurosvt.results.places import check_folder
    from neurosvt.results.progress import progress_bar
    from neurosvt.results.rows import write_results

    usual = Path("runs/demo") / (Path(args.input).stem if args.input else "")
    page = check_folder(args.out or usual) / "report.html"
    options.check_outputs(args.json)
    console = Console(width=110)
    if args.input:
        demo = show_recording(
            page, args.input, model=args.model, frames=args.frames,
            options=options.reading_of(args), say=options.warn,
        )  # fmt: skip
        print(*last_words(demo), sep="\n")
        options.write_rows(args, belief_rows(demo.episodes[0]))
    else:
        hidden = tuple(options.whole_numbers(args.hidden, "--hidden"))
        with progress_bar("frames", quiet=args.quiet) as advance:
            demo = show_scenes(
                page, model=args.model, hidden=hidden, events=args.events, seed=args.seed,
                say=options.warn, on_batch=advance,
            )  # fmt: skip
        console.print(score_table(demo.scores))
        for told in (demo.about, demo.facts):
            for name, line in (told or {}).items():
                console.print(f"{name}: {line}")
        console.print(equal_table(demo.equal))
        if args.json:
            words = ["neurosvt", "demo", "--hidden", args.hidden, "--events", str(args.events)]
            words += ["--model", args.model] if args.model != "permanence" else []
            command = shlex.join([*words, "--seed", str(args.seed)])
            write_results(args.json, command, [*demo.scores, *demo.work])
    console.print(f"watch it: {page}")
    return 0
