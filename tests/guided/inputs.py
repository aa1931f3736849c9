"""Inputs of our own writers, each whole, one file of which a test damages."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from neurosvt.config import as_plain
from neurosvt.datasets import described, own_images, packed_cache
from neurosvt.datasets.nmnist import NMNIST_COLUMNS
from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
from neurosvt.energy.costs import costs_named
from neurosvt.events.recording import Recording, pack_events
from neurosvt.experiments.registry import run_files
from neurosvt.formats import write_events
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.results.rows import write_results
from neurosvt.training import checkpoint

RNG = np.random.default_rng


def small_dysvit() -> DySViT:
    torch.manual_seed(0)
    return DySViT(config=DySViTConfig(width=16, depth=1, heads=2, patch_size=8))


def model_folder(folder: Path) -> None:
    small_dysvit().save_pretrained(folder)


def old_model_folder(folder: Path) -> None:
    """One of those who have PyTorch alone."""
    model_folder(folder)
    (folder / "model.safetensors").unlink()


def checkpoint_file(folder: Path) -> None:
    model = small_dysvit()
    run = {"model": as_plain(model.config), "data": {"dataset": "cifar10"}}
    facts = {"run": run, "step": 3, "finished": True}
    checkpoint.write_tensors(folder / "best.safetensors", model.state_dict(), facts)


def run_file(folder: Path) -> None:
    text = "".join(
        line
        for line in run_files()["permanence_stage1"].read_text().splitlines(keepends=True)
        if not line.startswith("#")
    )
    (folder / "run.toml").write_text(text)


def cost_table(folder: Path) -> None:
    first = as_plain(costs_named("horowitz-45nm")[0])
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in first.items() if value != {}]
    (folder / "costs.toml").write_text("".join(lines))


def index_file(folder: Path) -> None:
    events = pack_events(np.arange(9) * 1000, np.arange(9), np.arange(9), np.arange(9) % 2)
    for name in ("cup", "pen"):
        write_events(folder / f"{name}.npz", Recording(events, 16, 16))
    (folder / "index.csv").write_text(
        "recording,class,split,hidden,session,from,to,x,y\n"
        "cup.npz,cup,train,0.001-0.002,a,0,0.004,3,4\npen.npz,pen,train,,b,,,,\n"
    )


def described_folder(folder: Path) -> None:
    index_file(folder)
    described.prepare_described(folder / "index.csv", folder / "own")


def image_folder(folder: Path) -> None:
    for name, colour in (("cup", (9, 99, 200)), ("pen", (200, 9, 9))):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(10):
            image = Image.new("RGB", (8, 8), colour)
            image.save(folder / "photos" / name / f"{number}.png")
    own_images.prepare_images(folder / "photos", folder / "own")


def gesture_cache(folder: Path) -> None:
    builder = packed_cache.Builder(folder, {"frames": 2, "width": 13})
    builder.add("part", RNG(0).random((3, 2, 2, 5, 13)) < 0.2, np.arange(3))
    builder.finish({"train": ["part"]})


def rows(folder: Path) -> None:
    write_results(folder / "rows.json", "neurosvt demo", [{"share": 0.5, "low": None}])


def save_archive(path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def nmnist_file(folder: Path) -> None:
    columns = [RNG(0).integers(0, side, 60, np.uint8) for side in (34, 34, 2)]
    columns += [np.sort(RNG(0).integers(0, 3 * 10**5, 60)).astype(np.uint32)]
    columns += [np.array([0, 30, 60]), np.array([3, 4]), np.array([7, 8])]
    save_archive(folder / "file.npz", dict(zip(NMNIST_COLUMNS, columns, strict=True)))


def mnist_file(folder: Path) -> None:
    parts = {f"{part}_images": np.zeros((2, 28, 28), np.uint8) for part in ("train", "test")}
    labels = {f"{part}_labels": np.arange(2) for part in ("train", "test")}
    (folder / "mnist").mkdir()
    save_archive(folder / "mnist" / "mnist.npz", parts | labels)


def cifar_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    Image.new("RGB", (32, 32), (9, 99, 200)).save(folder / "one.png")
    table = pa.table({"image": [(folder / "one.png").read_bytes()] * 3, "label": [0, 1, 2]})
    pq.write_table(table, folder / "cifar10_test.parquet")


def cifar_batch(folder: Path) -> None:
    """As Python 2 and NumPy of that time wrote it, but for how many images there are."""
    (folder / "batch").write_bytes(
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01"
        b"\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06abcdeftb"
        b"U\x06labelsq\x08]q\x09(K\x06K\x09eU\x0bbatch_labelq\x0aU\x05a b cu."
    )


def gestures(folder: Path) -> None:
    """The sittings of one person."""
    write_synthetic_gestures(folder / "all", people=1)
    for path in (folder / "all").iterdir():
        path.rename(folder / path.name)


def tensor_file(folder: Path) -> None:
    torch.save((torch.zeros(1, 2, 128, 128, dtype=torch.uint8), 3), folder / "sample.pt")
