from importlib.metadata import PackageNotFoundError

import pytest

from neurosvt.bench import extras, installation
from neurosvt.cli import main
from neurosvt.experiments import checkpoints, elsewhere
from neurosvt.ops.lif import BACKENDS


@pytest.fixture
def told(capsys):
    """told(): what doctor says, by what it is about."""

    def run():
        assert main(["doctor"]) == 0
        lines = capsys.readouterr().out.splitlines()
        width = max(len(line) - len(line.split("  ", 1)[1].lstrip()) for line in lines)
        return {line[:width].strip(): line[width:] for line in lines}

    return run


def test_it_tells_what_is_there(told, monkeypatch, tmp_path):
    (tmp_path / "nmnist_small").mkdir()
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    said = told()
    assert "permanence" in said["models"]
    assert "nmnist_small" in said["data"]
    assert "neurosvt bench" in said["peers"]
    assert said["[dev]"] == said["[events]"] == "installed"
    for name in BACKENDS:
        assert said[f"backend {name}"]


def test_every_backend_has_its_finding():
    assert installation.BACKEND_FINDINGS.keys() == BACKENDS.keys()


def test_without_kernels_it_says_what_that_means_and_what_would_do(told, monkeypatch):
    monkeypatch.setattr(installation, "library", lambda: None)
    monkeypatch.setattr(installation, "engine_library", lambda: None)
    said = told()
    assert "manual" in said["backend auto"]
    assert "pip install --force-reinstall" in said["backend native"]
    assert "a C++ compiler" not in said["backend native"], "there is one"
    assert said["engine"].startswith("PyTorch")


def test_without_a_compiler_it_says_who_wants_one(told, monkeypatch):
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    monkeypatch.setattr(installation, "library", lambda: None)
    monkeypatch.setattr(installation.torch.cuda, "is_available", lambda: False)
    said = told()
    assert said["compiler"].startswith("none")
    assert "a C++ compiler, then pip install" in said["backend native"]
    assert "wants a C++ compiler on PATH" in said["backend compile"]


def test_the_compiler_that_cxx_names_comes_first(monkeypatch):
    monkeypatch.setenv("CXX", "mine++")
    monkeypatch.setattr(installation.shutil, "which", lambda name: f"/bin/{name}")
    assert installation.compiler() == "/bin/mine++"


def test_without_extras_it_names_the_command_of_each(told, monkeypatch):
    def nothing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "version", nothing)
    said = told()
    names = [name for name in said if name.startswith("[")]
    assert {"[data]", "[events]", "[live]", "[tensorboard]"} <= {*names}
    assert "[all]" not in names
    for name in names:
        assert said[name].startswith(f"pip install 'neurosvt{name}' brings ")
    assert "pyarrow" in said["[data]"]


def test_what_there_is_none_of_for_this_system_is_told(monkeypatch):
    lines = ["cups; extra == 'x'", "mugs; sys_platform == 'nowhere' and extra == 'x'"]
    lines += ["neurosvt[x]; extra == 'y'", "plates; extra == 'y'", "torch"]
    monkeypatch.setattr(extras, "requires", lambda name: lines)
    monkeypatch.setattr(extras, "metadata", lambda name: Provides(["x", "y", "all"]))
    monkeypatch.setattr(extras, "_installed", lambda name: name in ("plates", "torch"))
    assert [one.told() for one in extras.extras()] == [
        "pip install 'neurosvt[x]' brings cups; not offered for this Python or system: mugs",
        "installed",
    ]


class Provides(list):
    def get_all(self, name):
        return list(self) if name == "Provides-Extra" else None


def test_from_sources_that_are_not_installed_it_names_no_extras(monkeypatch):
    def nothing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "metadata", nothing)
    assert extras.extras() == []


def test_models_that_the_wheel_left_out_are_named_with_their_command(told, monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "WEIGHTS", tmp_path)
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path / "none"))
    monkeypatch.setattr(elsewhere, "try_to_load_from_cache", lambda *_, **__: None)
    said = told()
    assert said["models"].startswith("none; `neurosvt hub pull NAME` fetches ")
    assert "nmnist_lif" in said["models"]
    assert "NEUROSVT_DATA names another folder" in said["data"]


@pytest.mark.parametrize(
    ("driver", "built_for", "words"),
    [
        (None, None, "everything runs on the CPU"),
        ("/bin/nvidia-smi", None, "this PyTorch is for CPUs alone"),
        ("/bin/nvidia-smi", "12.8", "everything runs on the CPU"),
    ],
)
def test_without_a_gpu_it_says_so_and_why(driver, built_for, words, monkeypatch):
    monkeypatch.setattr(installation, "hardware", lambda: {
        "cpu": "a cpu", "cores": 2, "memory_gib": None, "gpu": None,
    })  # fmt: skip
    monkeypatch.setattr(installation.shutil, "which", lambda name: driver)
    monkeypatch.setattr(installation.torch.version, "cuda", built_for)
    said = installation.describe_installation()
    assert words in said["gpu"]
    assert said["machine"] == "a cpu, 2 cores", "Windows does not tell its memory"


@pytest.mark.parametrize(
    ("has", "words"),
    [
        (True, ["computed on cpu: amp = auto uses it there", "bytes are one instruction"]),
        (False, ["only emulated on cpu: amp = auto is float32", "no instruction for dot products"]),
    ],
)
def test_it_says_what_the_processor_computes_in_and_what_follows(has, words, told, monkeypatch):
    monkeypatch.setattr(installation, "multiplies_bfloat16", lambda device: has)
    monkeypatch.setattr(installation, "multiplies_bytes", lambda: has)
    monkeypatch.setattr(installation, "instruction_sets", lambda: ("avx2", "amx_bf16"))
    said = told()
    assert said["instructions"] == "avx2, amx_bf16"
    assert words[0] in said["bfloat16"]
    assert words[1] in said["bytes"]
