"""Models to the Hugging Face hub and back: prepared as a folder, shown, then sent; or fetched.

Nothing is sent but the files that were shown, and no weights whose data nobody may pass on.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants

from neurosvt.config import UserError, as_plain
from neurosvt.experiments.checkpoints import load, model_file, read_checkpoint, shipped_names
from neurosvt.experiments.elsewhere import fetch_elsewhere
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.files import sha256_of
from neurosvt.models.model_card import FIGURES, RESULTS, TRAINING_DATA, trained_on
from neurosvt.models.model_folder import (
    CARD,
    CONFIG,
    WEIGHTS,
    find_folder,
    is_pretrained_folder,
    read_weights,
    write_folder,
)
from neurosvt.models.pretrained import Pretrained

LICENSE, FOUND = "LICENSE", "results.json"
"""What the folder holds beside what `save_pretrained` writes."""
ADDRESSES = {
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
}
"""Where licences are read, by the word that the hub has for them."""


@dataclass(frozen=True)
class Parcel:
    """A prepared folder, and what of it would be sent."""

    name: str
    """RUN."""
    folder: Path
    files: tuple[str, ...]
    license: str
    """Of the weights."""
    learnt_from: tuple[str, ...]
    """Data sets, those of the runs from which the training began included."""

    def contents(self) -> list[tuple[str, int, str]]:
        """Name, bytes and SHA-256 of every file."""
        paths = [(name, self.folder / name) for name in self.files]
        return [(name, path.stat().st_size, sha256_of(path)) for name, path in paths]


def prepare_parcel(
    name: str, folder: str | Path, *, to: str | None = None, license: str | None = None
) -> Parcel:
    """Write the folder of a trained model; nothing leaves this machine.

    Args:
        name: RUN.
        folder: where to write it; a README.md in it that somebody else wrote stays.
        to: OWNER/NAME, which the card names.
        license: of the weights, where it does not follow from their data.

    Raises:
        FileNotFoundError, UserError: as `load`; or it has no form as a folder, or its weights are
            not to be passed on, or nobody says under which licence.
    """
    if to is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", to):
        raise UserError(f"{to!r} is no repository of the hub; OWNER/NAME will do")
    trained = load(name)
    if not isinstance(trained.model, Pretrained):
        kind = type(trained.model).__name__
        raise UserError(f"{name} is a {kind}, which has no form as a folder; NeuroSVT, DySViT have")
    learnt_from = data_behind(trained.metadata)
    found = license or trained.metadata.get("license")
    granted = license_to_share(name, learnt_from, found)
    folder = Path(folder)
    trained.model.save_pretrained(
        folder, metadata={**trained.metadata, "license": granted}, called=to
    )
    written = {LICENSE: _license_text(name, granted, learnt_from).encode()}
    if figures := _figures(trained.metadata):
        written[FOUND] = (json.dumps(figures, indent=1) + "\n").encode()
    write_folder(folder, written)
    files = (CARD, CONFIG, WEIGHTS, *trained.model.extra_files(), *written)
    return Parcel(name, folder, files, granted, learnt_from)


def send_parcel(parcel: Parcel, to: str, *, private: bool = False) -> str:
    """Send the files of a parcel to a repository, which is made if it is not there.

    Returns:
        The address of the commit.

    Raises:
        UserError: the hub did not take them.
    """
    hub = HfApi()
    try:
        hub.create_repo(to, private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=to, folder_path=parcel.folder, allow_patterns=list(parcel.files),
            commit_message=f"Weights of {parcel.name}",
        )  # fmt: skip
    except Exception as error:  # of which kind, changes with the version of the hub's client
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{to}: the hub did not take it: {reason}; `hf auth login` logs in"
        ) from error
    return str(commit.commit_url)


def pull_model(name: str) -> Path:
    """Where a model lies on this machine, which is fetched if it is not here.

    Args:
        name: a shipped model, or OWNER/NAME of the hub.

    Raises:
        FileNotFoundError: as `find_folder`.
        UserError: as `fetch_elsewhere`.
    """
    if name not in shipped_names():
        return find_folder(name)
    try:
        return model_file(name)
    except FileNotFoundError:
        return fetch_elsewhere(name)


def address_of(to: str) -> str:
    """Where a repository is seen."""
    return f"{constants.ENDPOINT}/{to}"


def data_behind(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The data sets that weights learnt from, those of weights that they began from included, and
    of a teacher.

    Raises:
        UserError: what they began from is not here, and no named run.
    """
    own = trained_on(metadata)
    if own is None:
        return ()
    settings = metadata["run"].get("train", {})
    before = (settings.get(named) for named in ("start", "front_end", "teacher"))
    earlier = (data_behind(_metadata_of(str(name))) for name in before if name)
    return tuple(dict.fromkeys([own, *(name for names in earlier for name in names)]))


def license_to_share(name: str, learnt_from: tuple[str, ...], stated: str | None) -> str:
    """The licence under which weights may be passed on.

    Args:
        name: what a message calls them.
        learnt_from: as from `data_behind`.
        stated: what their owner says, if anything.

    Raises:
        UserError: they may not be, or nobody says how.
    """
    known = {data: TRAINING_DATA[data] for data in learnt_from if data in TRAINING_DATA}
    for data, about in known.items():
        if about.withheld:
            raise UserError(f"{name} is not to be passed on: it learnt from {data}, {about.text}")
    derived = {about.license for about in known.values() if about.license}
    alike = next((word for word in sorted(derived) if word.startswith("cc-by-sa")), None)
    if alike and stated not in (None, alike):
        raise UserError(f"{name} learnt from data that want {alike}; license is {stated!r}")
    settled = learnt_from and all(d in known and known[d].license for d in learnt_from)
    if alike or stated or settled:
        return alike or stated or min(derived)
    data = ", ".join(learnt_from) or "data that are not named"
    raise UserError(f"{name} learnt from {data}: --license NAME says how its weights are shared")


def _metadata_of(name: str) -> dict[str, Any]:
    """Of weights that training began from: of the files, or else the settings of the named run."""
    if is_pretrained_folder(name):
        return read_weights(Path(name))[1]
    try:
        return read_checkpoint(model_file(name))[1]
    except FileNotFoundError as error:
        if Path(name).name in run_files():
            return {"run": as_plain(load_run(Path(name).name))}
        raise UserError(
            f"training began from {name}, which is not here: what that learnt from is not known"
        ) from error


def _license_text(name: str, license: str, learnt_from: tuple[str, ...]) -> str:
    """What is granted, and whose data are to be named; Apache's own words where it is that."""
    lines = [f"Weights of {name}: {license}. {ADDRESSES.get(license, '')}".rstrip()]
    for data in learnt_from:
        known = TRAINING_DATA.get(data)
        lines.append(f"Trained on {known.text if known else data}.")
    lines.append(f"The code of neurosvt: apache-2.0. {ADDRESSES['apache-2.0']}")
    whole = _apache() if license == "apache-2.0" else ""
    return "\n".join(lines) + "\n" + (f"\n{whole}" if whole else "")


def _apache() -> str:
    """The licence as it was installed with the package; empty where it was not."""
    try:
        return distribution("neurosvt").read_text("licenses/LICENSE") or ""
    except PackageNotFoundError:
        return ""


def _figures(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the weights: rows of results, and shares on validation."""
    own = {name: metadata[name] for name in FIGURES if metadata.get(name) is not None}
    rows = list(metadata.get(RESULTS) or ())
    return {**({"results": rows} if rows else {}), **({"validation": own} if own else {})}
