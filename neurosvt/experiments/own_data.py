"""Runs for data of one's own: what `neurosvt train FOLDER` does with a prepared folder."""

from pathlib import Path
from typing import Any

from neurosvt.datasets.described import labels_hiding
from neurosvt.datasets.own_images import images_table
from neurosvt.datasets.prepared_folder import (
    DATASET_FILE,
    IMAGES_KIND,
    RECORDINGS_KIND,
    kind_of,
)
from neurosvt.scenes.annotated_tracks import ANNOTATED

OWN_RUNS = {
    kind: Path(__file__).with_name(f"own_{kind}.toml") for kind in (RECORDINGS_KIND, IMAGES_KIND)
}
"""The runs, without their folders, by what these hold."""


def is_prepared(name: str) -> bool:
    """Whether this is the path of a folder that `neurosvt data prepare` made of one's own data."""
    return (Path(name) / DATASET_FILE).is_file()


def template_of(folder: str) -> Path:
    """The run for such a folder.

    Raises:
        UserError: it is damaged.
    """
    return OWN_RUNS[kind_of(folder)]


def for_folder(template: dict[str, Any], folder: str) -> dict[str, Any]:
    """The settings of a run on this folder; what its labels call hidden is learnt from too.

    Raises:
        UserError: it is damaged.
    """
    data, train = template["data"], template["train"]
    if kind_of(folder) == IMAGES_KIND:
        images = images_table(folder)["images"]["train"]
        train = {**train, "images": images, "batch": min(train["batch"], images)}
        return {**template, "data": {**data, "source": folder}, "train": train}
    tiers = [*data["tiers"], *[ANNOTATED] * labels_hiding(folder, "train")]
    return {**template, "data": {**data, "source": folder, "tiers": tiers}}
