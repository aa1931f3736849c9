"""The files that PyPI would get: built here, held to their sizes and to what they bring."""

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from neurosvt.experiments.elsewhere import models_elsewhere

ROOT = Path(__file__).parent.parent
LARGEST = 25_000_000
FIXED = [path.name for path in (ROOT / "neurosvt/native/fixed").glob("*.h")]
"""What C is written with, by `neurosvt export --to c`."""
SHIPPED = ("permanence", "permanence_lif", "permanence_none", "dysvit")

pytestmark = [
    pytest.mark.slow,  # it compiles
    pytest.mark.skipif(not shutil.which("make"), reason="there is no make"),
]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder of `make dist`: names of files to what they hold."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["make", "dist", f"DIST={folder}"], cwd=ROOT, check=True)
    found = {}
    for path in sorted(folder.rglob("*.*")):
        kind = f"{path.parent.name}/" * (path.parent != folder) + path.suffix
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                found[kind] = path, archive.namelist()
        elif path.suffix == ".gz":
            with tarfile.open(path) as archive:
                found[kind] = path, [name.partition("/")[2] for name in archive.getnames()]
    return found


def test_there_is_an_sdist_and_a_wheel_with_the_library_and_one_without(dist):
    assert dist.keys() == {".gz", ".whl", "pure/.whl"}
    libraries = {
        kind: [name for name in names if "neurosvt_kernels" in name]
        for kind, (_, names) in dist.items()
    }
    assert libraries[".whl"]
    assert libraries["pure/.whl"] == libraries[".gz"] == []
    assert dist["pure/.whl"][0].name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("kind", [".gz", ".whl", "pure/.whl"])
def test_each_is_small_and_brings_what_the_demo_needs(kind, dist):
    path, names = dist[kind]
    assert path.stat().st_size < LARGEST
    for name in SHIPPED:
        assert f"neurosvt/weights/{name}.safetensors" in names
    for name in models_elsewhere():
        assert f"neurosvt/weights/{name}.safetensors" not in names
    assert "neurosvt/native/cuda/lif.cu" in names
    assert {f"neurosvt/native/fixed/{name}" for name in FIXED} <= {*names}
    for name in ("weights/elsewhere.json", "weights/NOTICE", "demo/page.html", "py.typed"):
        assert f"neurosvt/{name}" in names
    assert any(name.endswith(".cpp") for name in names) == (kind == ".gz")


def test_the_licence_travels_with_each(dist):
    for _, names in dist.values():
        assert any(name.endswith("LICENSE") for name in names)
