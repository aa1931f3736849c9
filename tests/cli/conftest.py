"""Tiny runs from the command line, quick enough for a test."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from neurosvt.cli import main
from neurosvt.datasets import cifar10
from tests.tiny_runs import TINY, TINY_IMAGES, short_validation


@pytest.fixture(scope="session")
def tiny_settings():
    """tiny_settings(key=value, ...): the `--set` options of a tiny run; _ for a dot."""

    def options(**changes):
        settings = TINY | {key.replace("_", ".", 1): value for key, value in changes.items()}
        return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]

    return options


@pytest.fixture(scope="session")
def quick():
    """Validation on a handful of events, which is no different and much shorter."""
    with short_validation():
        yield


@pytest.fixture(scope="session")
def family(quick, tiny_settings, tmp_path_factory):
    """A folder with three tiny runs: tiny, tiny_lif and tiny_none. Nobody writes in it."""
    folder = tmp_path_factory.mktemp("family")
    for memory in ("leaky", "lif", "none"):
        kind = "" if memory == "leaky" else f"_{memory}"
        out = ["--out", str(folder / f"tiny{kind}")]
        preset = f"permanence{kind or '_stage1'}"
        settings = tiny_settings()
        if memory == "lif":  # whose channels are the width of its token
            at = settings.index("model.memory.channels=16")
            del settings[at - 1 : at + 1]
        assert main(["train", preset, *out, *settings]) == 0
    return folder


@pytest.fixture
def files_in():
    """files_in(folder): every file and folder below it, with its content."""

    def look(folder):
        return {
            str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(folder.rglob("*"))
        }

    return look


@pytest.fixture
def refused(capsys, tmp_path, monkeypatch, files_in):
    """refused(argv): runs it in an empty folder; it must end with one line and code 2, and leave
    the folder as it was. Returns the line."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        before = files_in(tmp_path)
        capsys.readouterr()
        try:
            code = main([str(word) for word in argv])
        except SystemExit as end:  # argparse's own
            code = end.code
        told = capsys.readouterr()
        assert code == 2, told.err
        assert told.out == ""
        assert told.err.startswith("neurosvt")
        assert told.err.count("\n") == 1, told.err
        assert files_in(tmp_path) == before
        return told.err

    return run


@pytest.fixture
def rows_of():
    """rows_of(file): what `--json` wrote, checked for its frame."""

    def read(file):
        record = json.loads(file.read_text())
        assert set(record) == {"command", "version", "commit", "date", "hardware", "rows"}
        return record

    return read


@pytest.fixture(scope="session")
def one_thread():
    """The environment of a process that must give the same bits as this one."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def make_up(patch, folder):
    """CIFAR-10 of ten classes that differ in their colour, and an empty folder to work in."""
    patch.chdir(folder)

    def load(split, root=None):
        count = {"train": 40, "validation": 20, "test": 20}[split]
        rng, labels = np.random.default_rng(len(split)), np.arange(count) % 10
        colours = np.random.default_rng(9).integers(0, 200, (10, 3))
        pixels = colours[labels][:, :, None, None] + rng.integers(0, 50, (count, 3, 32, 32))
        return cifar10.Images(pixels.astype(np.uint8), labels)

    patch.setattr(cifar10, "load_cifar10", load)


def train_tiny_images(*words, name="dysvit_protocol", **changes):
    """train_tiny_images(option, ..., key=value, ...): trains a tiny DySViT; __ for a dot."""
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    settings = TINY_IMAGES | changes
    pairs = [
        word
        for key, value in settings.items()
        if value is not None
        for word in ("--set", f"{key}={value}")
    ]
    return main(["train", name, *words, *pairs])


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """`make_up`, for as long as a test lasts."""
    make_up(monkeypatch, tmp_path)


@pytest.fixture
def train_images(made_up):
    """`train_tiny_images`, on what is made up."""
    return train_tiny_images


@pytest.fixture(scope="session")
def learnt_images(tmp_path_factory):
    """What a tiny DySViT left that learnt for 20 epochs. Nobody writes in it."""
    with pytest.MonkeyPatch.context() as patch:
        make_up(patch, tmp_path_factory.mktemp("images"))
        assert train_tiny_images("--out", "out", train__epochs=20) == 0
        return Path("out").resolve()


@pytest.fixture
def trained(train_images, learnt_images):
    """A copy of it, here."""
    shutil.copytree(learnt_images, "out")
    return "out"
