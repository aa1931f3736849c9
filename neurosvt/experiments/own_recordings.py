"""A run for recordings of one's own: what `neurosvt train FOLDER` does with a prepared folder."""

from pathlib import Path
from typing import Any

from neurosvt.datasets.described import DATASET_FILE, labels_hiding
from neurosvt.scenes.annotated_tracks import ANNOTATED

TEMPLATE = Path(__file__).with_name("own_recordings.toml")
"""The run, without its folder."""


def is_prepared(name: str) -> bool:
    """Whether this is the path of a folder that `neurosvt data prepare index` made."""
    return (Path(name) / DATASET_FILE).is_file()


def for_folder(template: dict[str, Any], folder: str) -> dict[str, Any]:
    """The settings of a run on this folder; what its labels call hidden is learnt from too.

    Raises:
        UserError: it is damaged.
    """
    data = template["data"]
    tiers = [*data["tiers"], *[ANNOTATED] * labels_hiding(folder, "train")]
    return {**template, "data": {**data, "source": folder, "tiers": tiers}}
