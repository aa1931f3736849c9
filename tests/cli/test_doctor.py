import pytest

from neurosvt.bench import installation
from neurosvt.cli import main


def test_it_tells_what_is_there_and_what_is_not(capsys, monkeypatch, tmp_path):
    (tmp_path / "nmnist_small").mkdir()
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for word in ("kernels", "permanence", "nmnist_small", "[events]", "neurosvt bench"):
        assert word in told
    for extra in ("[app]", "[cuda]"):  # nothing imports what they would bring
        assert extra not in told


def test_without_kernels_it_says_what_that_means_and_what_would_do(capsys, monkeypatch):
    monkeypatch.setattr(installation, "library", lambda: None)
    assert main(["doctor"]) == 0
    assert "not built: backend auto is PyTorch alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("has", "told"),
    [
        (True, ["computed on cpu: amp = auto uses it there", "bytes are one instruction"]),
        (False, ["only emulated on cpu: amp = auto is float32", "no instruction for dot products"]),
    ],
)
def test_it_says_what_the_processor_computes_in_and_what_follows(has, told, capsys, monkeypatch):
    monkeypatch.setattr(installation, "multiplies_bfloat16", lambda device: has)
    monkeypatch.setattr(installation, "multiplies_bytes", lambda: has)
    monkeypatch.setattr(installation, "instruction_sets", lambda: ("avx2", "amx_bf16"))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for words in ["avx2, amx_bf16", *told]:
        assert words in said
