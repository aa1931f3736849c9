"""Frames made once and kept: binary, eight pixels a byte, mapped into memory by whoever reads them.

A folder of the cache holds, for every split, `frames_SPLIT.npy` (samples, T, 2, H, W / 8) and
`labels_SPLIT.npy`, and `manifest.json`, which is written last and says what they were made from
and how, with the size and SHA-256 of every file. Until then finished parts lie in `parts/`, so that
work that was interrupted goes on where it stopped, and ends with the same bytes.

Axes: T frames, 2 polarities (OFF, ON), H W pixels.
"""

import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.clips import Clips
from neurosvt.datasets.mapped import map_array
from neurosvt.files import sha256_of, write_whole
from neurosvt.reading import read_array, read_arrays, read_json_table

MANIFEST = "manifest.json"


class Builder:
    """A cache that is being made.

    Args:
        folder: of the cache; made if it is not there.
        settings: what decides the frames, and what they are made from; JSON-able.

    Raises:
        UserError: there is a cache, or the beginning of one, with other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        self.folder, self.parts = folder, folder / "parts"
        self.settings = json.loads(json.dumps(dict(settings)))
        for record in (folder / MANIFEST, self.parts / "settings.json"):
            there = _record(record).get("settings") if record.is_file() else None
            if there is not None and there != self.settings:
                raise UserError(
                    f"{folder} holds frames that were made otherwise "
                    f"({_difference(there, self.settings)}); take another folder, or remove it"
                )

    def finished(self) -> bool:
        """Whether it is there, whole to the byte; then what is left of its making is removed."""
        path = self.folder / MANIFEST
        files = _record(path).get("files", {}) if path.is_file() else {}
        whole = bool(files) and all(
            (self.folder / name).is_file() and _fingerprint(self.folder / name) == fingerprint
            for name, fingerprint in files.items()
        )
        if whole:
            shutil.rmtree(self.parts, ignore_errors=True)
        return whole

    def has(self, part: str) -> bool:
        """Whether a part was finished."""
        return (self.parts / f"{part}.npz").is_file()

    def add(self, part: str, frames: np.ndarray, labels: np.ndarray) -> None:
        """Finish a part: frames (samples, T, 2, H, W) bool, and their labels."""
        self.parts.mkdir(parents=True, exist_ok=True)
        settings = json.dumps({"settings": self.settings}).encode()
        write_whole(self.parts / "settings.json", settings)
        data = io.BytesIO()
        np.savez(data, frames=np.packbits(frames, axis=-1), labels=labels.astype(np.int64))
        write_whole(self.parts / f"{part}.npz", data.getvalue())

    def finish(self, splits: Mapping[str, Sequence[str]]) -> None:
        """Put the parts of every split together, in the order given; one without parts is none."""
        names = []
        for split, parts in ((split, parts) for split, parts in splits.items() if parts):
            read = [self._part(part) for part in parts]
            for name in ("frames", "labels"):
                data = io.BytesIO()
                np.save(data, np.concatenate([arrays[name] for arrays in read]))
                self._put(f"{name}_{split}.npy", data.getvalue())
                names.append(f"{name}_{split}.npy")
        record = {
            "settings": self.settings,
            "files": {name: _fingerprint(self.folder / name) for name in names},
        }
        self._put(MANIFEST, (json.dumps(record, indent=1) + "\n").encode())
        shutil.rmtree(self.parts)

    def _put(self, name: str, data: bytes) -> None:
        """Written among the parts, so that a draft which is left there goes with them."""
        write_whole(self.parts / name, data)
        os.replace(self.parts / name, self.folder / name)

    def _part(self, part: str) -> dict[str, np.ndarray]:
        return read_arrays(self.parts / f"{part}.npz")


def load_cache(folder: Path, split: str, *, in_memory: bool = True) -> Clips:
    """One split of a finished cache.

    Args:
        folder: of the cache.
        split: as it was built.
        in_memory: copied there, or mapped and read when it is asked for.

    Raises:
        FileNotFoundError: no cache there, or one that is not finished.
        UserError: a file that is missing or of another size.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no finished cache (there is no {MANIFEST})")
    record = _record(path)
    arrays = []
    for name in (f"frames_{split}.npy", f"labels_{split}.npy"):
        file, expected = folder / name, record.get("files", {}).get(name)
        if not isinstance(expected, dict):
            raise UserError(f"{folder} holds no split {split!r}")
        if not file.is_file() or file.stat().st_size != expected.get("bytes"):
            raise UserError(f"{file} is missing or cut; prepare it again")
        arrays.append(read_array(file) if in_memory else map_array(file))
    frames, labels = arrays
    width = record.get("settings", {}).get("width")
    whole = frames.ndim == 5 and frames.dtype == np.uint8 and labels.dtype.kind in "iu"
    fits = whole and isinstance(width, int) and frames.shape[-1] == -(-width // 8)
    if not fits or labels.shape != frames.shape[:1]:
        raise UserError(f"{folder} is damaged: its arrays do not fit its {MANIFEST}")
    samples, steps = frames.shape[:2]
    first = np.arange(samples) * steps
    return Clips(frames.reshape(-1, *frames.shape[2:]), first, steps, labels, width)


def _record(path: Path) -> dict[str, Any]:
    """What a cache, or the beginning of one, says of itself."""
    record = read_json_table(path)
    if not all(isinstance(record.get(name, {}), dict) for name in ("settings", "files")):
        raise UserError(f"{path} is damaged; remove it and prepare again")
    return record


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    names = [n for n in {**there, **here} if there.get(n) != here.get(n)]
    return f"{names[0]} is {there.get(names[0])!r} there, {here.get(names[0])!r} here"
