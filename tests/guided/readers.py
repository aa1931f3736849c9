"""Every reader of files that may be a stranger's: inputs of our own writers, and how each is read.

One file of an input is damaged; then the input is read, or refused in one line.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurosvt.config import UserError
from neurosvt.datasets import cifar10, described, mnist, own_images, packed_cache
from neurosvt.datasets.any_image import pixels_of
from neurosvt.datasets.boxes import read_boxes
from neurosvt.datasets.dvs128_gesture import Download
from neurosvt.datasets.dvs128_tensors import read_sample
from neurosvt.datasets.index import read_index
from neurosvt.datasets.nmnist import read_recordings
from neurosvt.datasets.plain_pickle import plain_pickle
from neurosvt.energy.costs import read_costs
from neurosvt.events.video import read_video
from neurosvt.experiments import checkpoints
from neurosvt.experiments.registry import load_run
from neurosvt.models.saved_folder import load_pretrained
from neurosvt.results.rows import read_results
from tests.formats import fuzz
from tests.guided import inputs


@dataclass(frozen=True)
class Reader:
    """One reader, and what it is given."""

    file: str
    """What is damaged, in the folder of the input."""
    make: Callable[[Path], object]
    """Writes an input that is whole into a folder."""
    read: Callable[[Path], object]
    """Reads the input, of the path of this file."""


def event_file(name: str) -> Reader:
    """A reader of one format of events."""

    def make(folder: Path) -> None:
        (folder / "file").write_bytes(fuzz.samples(0)[name])

    return Reader("file", make, read_events)


def read_events(path: Path) -> None:
    """As the fuzz of events does, which knows what else may be wrong with them."""
    found = fuzz.outcome(path)
    if found == "refused":
        raise UserError(found)
    assert found == "read", found


def read_batch(path: Path) -> None:
    try:
        plain_pickle(path.read_bytes())
    except ValueError as error:  # whoever reads one makes a line of it
        raise UserError(str(error)) from error


def film(ending: str) -> Reader:
    """A reader of films in one kind of container."""
    name = f"film.{ending}"

    def make(folder: Path) -> None:
        import av

        codec, pixels = ("mjpeg", "yuvj420p") if ending == "avi" else ("mpeg4", "yuv420p")
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 32, pixels
            for i in range(4):
                grey = np.full((32, 32, 3), 60 * i, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
            container.mux(stream.encode(None))

    return Reader(name, make, read_video)


def still(ending: str) -> Reader:
    """A reader of images of one kind."""
    name = f"image.{ending}"

    def make(folder: Path) -> None:
        frames = [
            Image.fromarray(inputs.RNG(i).integers(0, 9, (12, 12, 3), np.uint8)) for i in range(2)
        ]
        if ending in ("gif", "tiff"):
            frames[0].save(folder / name, save_all=True, append_images=frames[1:])
        else:
            frames[0].save(folder / name)

    if ending == "gif":
        return Reader(name, make, read_video)
    return Reader(name, make, lambda path: pixels_of(path, name, 32, lambda line: None))


def boxes(name: str) -> Reader:
    """A reader of boxes, in text or in an array."""

    def make(folder: Path) -> None:
        if name.endswith(".npy"):
            table = np.ones(3, [(side, "f8") for side in ("t", "x", "y", "w", "h")])
            table["t"] = 10, 20, 30
            np.save(folder / name, table)
        else:
            (folder / name).write_text("1,7,10,20,4,6,0.9,-1,-1,-1\n2,7,12,20,4,6,0.9,-1,-1,-1\n")

    return Reader(name, make, lambda path: read_boxes(path, fps=25.0))


def of_folder(read: Callable[..., object], *arguments: object) -> Callable[[Path], object]:
    """Reads the folder of a file."""
    return lambda path: read(path.parent, *arguments)


READERS: dict[str, Reader] = {
    **{f"events {name}": event_file(name) for name in fuzz.samples(0)},
    "checkpoint": Reader("best.safetensors", inputs.checkpoint_file, checkpoints.load),
    "run": Reader("run.toml", inputs.run_file, lambda path: load_run(str(path))),
    "cost table": Reader("costs.toml", inputs.cost_table, read_costs),
    "rows": Reader("rows.json", inputs.rows, read_results),
    "index": Reader("index.csv", inputs.index_file, read_index),
    "boxes, text": boxes("boxes.txt"),
    "boxes, array": boxes("boxes.npy"),
    "described": Reader(
        "own/dataset.json", inputs.described_folder, of_folder(described.described, "train")
    ),
    "own images, table": Reader(
        "own/dataset.json", inputs.image_folder, of_folder(own_images.own_images, "train", 64)
    ),
    "own images": Reader(
        "own/test.npz", inputs.image_folder, of_folder(own_images.own_images, "test", 64)
    ),
    "prepared clips": Reader(
        "manifest.json", inputs.gesture_cache, of_folder(packed_cache.load_cache, "train")
    ),
    "nmnist packed": Reader("file.npz", inputs.nmnist_file, read_recordings),
    "mnist": Reader(
        "mnist/mnist.npz",
        inputs.mnist_file,
        lambda path: mnist.load_mnist.__wrapped__("test", path.parents[1]),
    ),
    "cifar parquet": Reader(
        "cifar10_test.parquet", inputs.cifar_parquet, of_folder(cifar10.read_parquet, "test")
    ),
    "cifar pickle": Reader("batch", inputs.cifar_batch, read_batch),
    "gesture labels": Reader(
        "user01_natural_labels.csv", inputs.gestures, lambda path: Download(path.parent).sittings
    ),
    "gesture tensors": Reader("sample.pt", inputs.tensor_file, read_sample),
    "hub config": Reader("config.json", inputs.model_folder, of_folder(load_pretrained)),
    "hub weights": Reader("model.safetensors", inputs.model_folder, of_folder(load_pretrained)),
    "hub torch weights": Reader(
        "pytorch_model.bin", inputs.old_model_folder, of_folder(load_pretrained)
    ),
    **{f"image {ending}": still(ending) for ending in ("png", "jpg", "gif", "bmp", "webp", "tiff")},
    **{f"film {ending}": film(ending) for ending in ("avi", "mp4")},
}
"""By what is read."""


def judged(reader: Reader, folder: Path) -> str:
    """Read an input: "read", or "refused".

    Raises:
        AssertionError: it took too long, or was refused in more than a line.
        Exception: whatever else a reader lets through.
    """
    started = time.process_time()
    try:
        reader.read(folder / reader.file)
        found = "read"
    except (UserError, OSError) as error:  # whose lines the command line tells as they are
        found = "refused" if "\n" not in str(error) else f"said {error!r}"
    assert found in ("read", "refused"), found
    assert time.process_time() - started < fuzz.LONGEST_S, "took too long"
    return found
