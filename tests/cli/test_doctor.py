from neurosvt.bench import installation
from neurosvt.cli import main


def test_it_tells_what_is_there_and_what_is_not(capsys, monkeypatch, tmp_path):
    (tmp_path / "nmnist_small").mkdir()
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for word in ("kernels", "permanence", "nmnist_small", "[events]", "neurosvt bench"):
        assert word in told
    for extra in ("[export]", "[app]", "[cuda]"):  # nothing imports what they would bring
        assert extra not in told


def test_without_kernels_it_says_what_that_means_and_what_would_do(capsys, monkeypatch):
    monkeypatch.setattr(installation, "library", lambda: None)
    assert main(["doctor"]) == 0
    assert "not built: backend auto is PyTorch alone" in capsys.readouterr().out
