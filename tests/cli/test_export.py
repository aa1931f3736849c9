import json
import sys

import pytest

from neurosvt.cli import main

nir = pytest.importorskip("nir", reason="nir is not installed (extra: export)")


def test_nir_files_and_their_manifest_are_written_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "nmnist", "--to", "nir"]) == 0
    told = capsys.readouterr().out.splitlines()
    files = sorted((tmp_path / "nmnist-nir").iterdir())
    assert sorted(line.split()[0] for line in told) == [
        str(file.relative_to(tmp_path)) for file in files
    ]
    steps = json.loads((tmp_path / "nmnist-nir" / "manifest.json").read_text())["steps"]
    assert len(files) == 1 + sum("file" in step for step in steps)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nmnist", "--to", "nirr"], "export 'nirr' is unknown; did you mean 'nir'"),
        (["nmnist", "--to", "nir", "--bits", "8"], "--bits is not for --to nir"),
        (["nmnist_lif", "--to", "nir"], "memory TokenMemory cannot be exported"),
        (["nmnist_lif", "--to", "onnx"], "NeuroSVTDense has the leaky memory"),
        (["nowhere", "--to", "nir"], "no run folder, checkpoint or shipped model 'nowhere'"),
        (["nmnist"], "--to"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_told_in_one_line(refused, argv, message):
    assert message in refused("export", *argv)


@pytest.mark.parametrize(("form", "package"), [("nir", "nir"), ("onnx", "onnxscript")])
def test_a_package_that_is_missing_is_named_with_what_brings_it(
    refused, monkeypatch, form, package
):
    monkeypatch.setitem(sys.modules, package, None)
    told = refused("export", "nmnist", "--to", form)
    assert f"needs the package {package}: pip install 'neurosvt[export]'" in told
