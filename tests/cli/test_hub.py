import pytest

from neurosvt.cli import hub as command
from neurosvt.cli import main
from neurosvt.experiments import hub


@pytest.fixture
def sent(monkeypatch, tmp_path):
    """What was sent, to a hub that is none; an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    given = []

    def send(parcel, to, *, private):
        given.append((parcel.name, to, private))
        return f"https://hub/{to}"

    monkeypatch.setattr(hub, "send_parcel", send)
    return given


def test_push_shows_files_sizes_digests_licence_and_place_before_it_sends(sent, capsys):
    assert main(["hub", "push", "permanence_lif", "--to", "me/lif", "--yes"]) == 0
    told = capsys.readouterr().out
    for word in ("runs/hub/lif:", "model.safetensors", "README.md", "LICENSE", "sha256",
                 "apache-2.0; from scenes", "/me/lif, for all to see"):  # fmt: skip
        assert word in told
    assert told.index("sha256") < told.index("https://hub/me/lif")
    assert sent == [("permanence_lif", "me/lif", False)]


@pytest.mark.parametrize("words", [["--dry-run", "--to", "me/lif", "--yes"], ["--yes"]])
def test_a_dry_run_and_a_push_to_nowhere_send_nothing(words, sent, capsys):
    assert main(["hub", "push", "permanence_lif", "--out", "out", *words]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert sent == []


@pytest.mark.parametrize(("answer", "count"), [("y", 1), ("yes", 1), ("", 0), ("no", 0)])
def test_on_a_terminal_it_asks(answer, count, sent, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(command.sys, "stdin", type("T", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda line: asked.append(line) or answer)
    code = main(["hub", "push", "permanence_lif", "--to", "me/lif", "--private"])
    assert (code, len(sent)) == (0 if count else 2, count)
    assert asked == ["Send to me/lif? [y/N] "]
    assert ("--yes" in capsys.readouterr().err) == (not count)


def test_where_nobody_can_answer_nothing_is_sent(sent, monkeypatch, capsys):
    monkeypatch.setattr(command.sys, "stdin", type("T", (), {"isatty": lambda self: False})())
    assert main(["hub", "push", "permanence_lif", "--to", "me/lif"]) == 2
    assert "--yes sends without asking" in capsys.readouterr().err
    assert sent == []


def test_what_cannot_be_pushed_is_one_line(refused):
    assert "no run folder" in refused("hub", "push", "nowhere", "--to", "me/mine")
    assert "OWNER/NAME will do" in refused("hub", "push", "permanence", "--to", "mine")


def test_pull_says_where_a_model_lies(capsys):
    assert main(["hub", "pull", "nmnist"]) == 0
    assert capsys.readouterr().out.strip().endswith("nmnist.safetensors")
