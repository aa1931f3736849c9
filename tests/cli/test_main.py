import argparse
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import neurosvt
from neurosvt import cli
from neurosvt.config import ConfigError


@pytest.fixture
def command(monkeypatch):
    """Install `neurosvt fake --times N`, and a second command that must not be imported."""
    module = ModuleType("fake_command", "neurosvt fake: do 100 % of nothing.\n\nMore words.")

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--times", type=int, default=1)

    module.add_arguments = add_arguments
    module.run = lambda args: 0
    monkeypatch.setitem(sys.modules, "fake_command", module)
    monkeypatch.setattr(cli, "COMMANDS", {"fake": "fake_command", "broken": "no_such_module"})
    return module


def raiser(error):
    def run(args):
        raise error

    return run


def test_a_command_gets_its_arguments_and_gives_its_exit_code(command):
    command.run = lambda args: args.times
    assert cli.main(["fake", "--times", "7"]) == 7


def test_help_lists_every_command_with_the_first_line_of_its_docstring(
    command, monkeypatch, capsys
):
    monkeypatch.delitem(cli.COMMANDS, "broken")
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    assert "do 100 % of nothing." in out
    assert "neurosvt fake:" not in out
    assert "More words" not in out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ConfigError("unknown setting 'x'"), "neurosvt: unknown setting 'x'"),
        (ConfigError("two\nlines"), "neurosvt: two lines"),
        (FileNotFoundError("no checkpoint in runs/a"), "neurosvt: no checkpoint in runs/a"),
        (
            FileNotFoundError(2, "No such file or directory", "a.npz"),
            "neurosvt: a.npz: No such file or directory",
        ),
        (
            PermissionError(13, "Permission denied", "a.npz"),
            "neurosvt: a.npz: Permission denied",
        ),
        (OSError(28, "No space left on device"), "neurosvt: No space left on device"),
        (
            OSError(5, "Input/output error", "a.raw"),
            "neurosvt: a.raw: Input/output error",
        ),
        (TimeoutError(), "neurosvt: TimeoutError"),
        (
            MemoryError("8.00 GiB"),
            "neurosvt: not enough memory (8.00 GiB); smaller batches or files need less",
        ),
        (
            FileNotFoundError(2, "No such file", "\x1b[2Ja\x07.raw"),
            r"neurosvt: \x1b[2Ja\x07.raw: No such file",
        ),
    ],
    ids=str,
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(command, capsys, error, line):
    command.run = raiser(error)
    assert cli.main(["fake"]) == 2
    captured = capsys.readouterr()
    assert captured.err == line + "\n"
    assert captured.out == ""


def test_an_interrupt_is_one_line_and_exit_code_130(command, capsys):
    command.run = raiser(KeyboardInterrupt())
    assert cli.main(["fake"]) == 130
    assert capsys.readouterr().err == "neurosvt: interrupted\n"


def test_a_reader_that_goes_away_is_no_fault(tmp_path):
    """As `neurosvt list runs | head -1`: what it prints is more than a pipe holds."""
    code = """
import sys, types
from neurosvt import cli
module = types.ModuleType("fake", "neurosvt fake: prints.")
module.add_arguments = lambda parser: None
def run(args):
    for i in range(100_000):
        print(i)
    return 0
module.run = run
sys.modules["fake"] = module
cli.COMMANDS = {"fake": "fake"}
sys.exit(cli.main(["fake"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        assert writer.stdout.readline() == b"0\n"
        writer.stdout.close()
        told = writer.stderr.read()
        assert writer.wait(60) == 141
    assert told == b""


def test_our_own_mistakes_keep_their_traceback(command):
    command.run = raiser(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        cli.main(["fake"])


@pytest.mark.parametrize(
    "argv", [["fake", "--times", "x"], ["fake", "--unknown"], ["fake", "more"]], ids=" ".join
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(command, capsys, argv):
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["fkae"]], ids=["none", "unknown"])
def test_no_command_or_an_unknown_one_is_one_line_and_exit_code_2(
    command, monkeypatch, capsys, argv
):
    monkeypatch.delitem(cli.COMMANDS, "broken")
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("argv", [["--help"], *([name, "--help"] for name in cli.COMMANDS)])
def test_help_does_not_wait_for_heavy_imports(argv):
    """Torch alone takes seconds; a user who asks for help should not."""
    code = f"""
import sys
from neurosvt.cli import main
try:
    main({argv})
except SystemExit as end:
    assert end.code == 0
heavy = {{"torch", "numpy", "matplotlib", "rich"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "usage: neurosvt" in done.stdout


def test_the_version_is_the_one_that_is_packaged():
    file = Path(__file__).parents[2] / "pyproject.toml"
    assert neurosvt.__version__ == tomllib.loads(file.read_text())["project"]["version"]


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'NeuroSTV'"):
        neurosvt.NeuroSTV  # noqa: B018


def test_help_prints_the_defaults_that_there_are(capsys):
    with pytest.raises(SystemExit):
        cli.main(["energy", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "hidden frames (default: 60)" in told
    assert "(default: 0)" in told
    for nothing in ("None", "False", "[]"):
        assert f"(default: {nothing})" not in told


def test_an_unknown_command_names_what_was_meant(capsys):
    with pytest.raises(SystemExit):
        cli.main(["permanense"])
    assert "command 'permanense' is unknown; did you mean 'permanence'" in capsys.readouterr().err


@pytest.mark.parametrize("json", [["--json", "a b.json"], ["--json=rows.json"], []], ids=str)
def test_rows_tell_the_command_without_where_they_went(json):
    assert cli.typed_command(["data", *json, "info", "a b"]) == "neurosvt data info 'a b'"
