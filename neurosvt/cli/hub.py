"""neurosvt hub: send a trained model to the Hugging Face hub, or fetch one.

`push` prepares a folder and shows what it would send. It sends after --yes, or after a yes.
"""

import argparse
import sys
from pathlib import Path

from neurosvt.cli.options import add_model
from neurosvt.config import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    push = actions.add_parser("push", help="prepare a model's folder, show it, and send it")
    add_model(push)
    push.add_argument("--to", metavar="OWNER/NAME", help="repository; without it nothing is sent")
    push.add_argument("--out", metavar="DIR", help="folder to prepare, if not runs/hub/NAME")
    push.add_argument("--license", metavar="NAME", help="of weights trained on data of your own")
    push.add_argument("--private", action="store_true", help="of a repository that is new")
    push.add_argument("--yes", action="store_true", help="send without asking")
    push.add_argument("--dry-run", action="store_true", help="show what would be sent, and end")
    push.set_defaults(action=_push)
    pull = actions.add_parser("pull", help="fetch a model, and say where it lies")
    pull.add_argument("name", metavar="NAME", help="a shipped model, or OWNER/NAME")
    pull.set_defaults(action=_pull)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    return int(args.action(args))


def _push(args: argparse.Namespace) -> int:
    from neurosvt.experiments.hub import address_of, prepare_parcel, send_parcel
    from neurosvt.results.places import check_folder

    folder = args.out or Path("runs") / "hub" / Path(args.to or args.run).stem
    parcel = prepare_parcel(args.run, check_folder(folder), to=args.to, license=args.license)
    contents = parcel.contents()
    print(f"{parcel.folder}:")
    for name, size, digest in contents:
        print(f"  {name:<18} {size:>12,} bytes  sha256 {digest}")
    learnt = ", ".join(parcel.learnt_from) or "data that are not named"
    print(f"  {sum(size for _, size, _ in contents):,} bytes; {parcel.license}; from {learnt}")
    if args.to is None or args.dry_run:
        print(f"nothing was sent{'' if args.to else '; --to OWNER/NAME says where to'}")
        return 0
    print(f"to {address_of(args.to)}, {'private' if args.private else 'for all to see'} if new")
    if not args.yes and not _agreed(args.to):
        raise UserError("nothing was sent; --yes sends without asking")
    print(send_parcel(parcel, args.to, private=args.private))
    return 0


def _agreed(to: str) -> bool:
    return sys.stdin.isatty() and input(f"Send to {to}? [y/N] ").strip().lower() in ("y", "yes")


def _pull(args: argparse.Namespace) -> int:
    from neurosvt.experiments.hub import pull_model

    print(pull_model(args.name))
    return 0
