"""What the pages show can be run: Python as it stands, and every command by the real parser."""

import argparse
import re
import runpy
from pathlib import Path

import pytest

import neurosvt
from neurosvt.cli import _parser, main
from neurosvt.datasets.folder import data_root
from neurosvt.experiments import recipes
from neurosvt.permanence import presence_scores
from tests.docs import pages

RUN = [
    pages.README,
    pages.DOCS / "quickstart.md",
    *sorted((pages.DOCS / "tutorials").glob("*.md")),
    pages.DOCS / "guides" / "extend.md",
    pages.DOCS / "guides" / "enter_the_benchmark.md",
    pages.DOCS / "guides" / "dysvit.md",
    pages.DOCS / "guides" / "live.md",
    pages.DOCS / "guides" / "own-recordings.md",
    pages.DOCS / "guides" / "export.md",
    pages.DOCS / "guides" / "c.md",
    pages.DOCS / "concepts" / "leaky_memory.md",
]
"""Pages of which every block of Python is run, in one namespace, as a reader would."""

PARSED = pages.pages()
EXECUTED = {
    pages.DOCS / "quickstart.md",
    *(pages.DOCS / "tutorials").glob("*.md"),
    pages.DOCS / "guides" / "live.md",
    pages.DOCS / "guides" / "own-recordings.md",
}
"""Pages whose `neurosvt` commands are run as well."""
OTHER_PROGRAMS = {"make", "git", "cd", "source", "pip", "python"}
NOT_RUN = (
    "neurosvt doctor",
    "neurosvt stream camera:",
    "neurosvt stream -",
    "neurosvt stream udp:",
)
"""What commands begin with that wait for somebody, or for what a test has not."""
TINY = {"train": ["--set", "train.steps=2", "--set", "train.batch=4"]}
"""What is added to a command so that a test does not take as long as a reader."""


def commands_of(path: Path) -> list[list[str]]:
    """Every command in the indented blocks of a page."""
    listed = (block for block in pages.blocks(path.read_text()) if block.language == "commands")
    return [words for block in listed for words in pages.commands(block)]


LONG = {pages.DOCS / "guides" / "own-recordings.md"}
"""Pages that take more than a minute."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] if p in LONG else []) for p in RUN],
    ids=pages.named,
)
def test_a_page_can_be_followed_to_the_letter(path, tmp_path, monkeypatch, capsys):
    text = path.read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipes, "VALIDATION_EVENTS", 8)  # what takes longest, and shows nothing
    monkeypatch.setattr(presence_scores, "PRESENCE_EVENTS", 8)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(pages.blocks(text)):
        if block.language == "python" and "needs=" not in block.about:
            source = compile(block.text, f"{pages.named(path)}, block {number}", "exec")
            exec(source, namespace)
        elif block.language == "toml":
            (title,) = re.findall(r'title="([^"]+)"', block.about)
            Path(title).write_text(block.text)
        elif path in EXECUTED:
            for words in pages.commands(block):
                if words[0] == "neurosvt" and not " ".join(words).startswith(NOT_RUN):
                    assert main([*words[1:], *TINY.get(words[1], [])]) == 0, " ".join(words)
    assert bool(capsys.readouterr().out) == ("print(" in text)


FIGURES = list(pages.blocks((pages.DOCS / "results" / "reproduce.md").read_text()))


@pytest.mark.parametrize("block", FIGURES, ids=range(len(FIGURES)))
def test_a_figure_comes_out_of_five_lines(block, capsys, tmp_path):
    if "cifar10" in block.about and not (data_root() / "cifar10").is_dir():
        pytest.skip("CIFAR-10 is not at hand")
    script = tmp_path / "figure.py"
    script.write_text(block.text)
    runpy.run_path(str(script))
    assert re.search(r"\d", capsys.readouterr().out)
    lines = [line for line in block.text.splitlines() if line.strip()]
    imports = [line for line in lines if line.startswith(("import", "from"))]
    assert len(lines) - len(imports) <= 5
    assert "argparse" not in block.text


@pytest.mark.parametrize("path", PARSED, ids=pages.named)
def test_every_command_is_one_that_there_is(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in commands_of(path):
        if words[0] == "neurosvt":
            parse(words[1:])


def test_a_command_that_there_is_not_is_found():
    for words in (["permanenec"], ["train", "--sett", "train.steps=1", "x"], ["data", "look", "x"]):
        with pytest.raises(SystemExit):
            parse(words)


def test_indented_blocks_of_the_commands_page_hold_commands_alone():
    words = [each[0] for each in commands_of(pages.DOCS / "cli.md")]
    assert set(words) == {"neurosvt"}
    assert len(words) > 10


@pytest.mark.parametrize("path", [pages.README, pages.DOCS / "quickstart.md"], ids=pages.named)
def test_programs_that_a_newcomer_has_to_have_are_few(path):
    assert {words[0] for words in commands_of(path)} <= OTHER_PROGRAMS | {"neurosvt"}


def parse(words: list[str]) -> argparse.Namespace:
    """The arguments of a command; SystemExit if there is no such thing."""
    return _parser([words[0]] if words[0] in neurosvt.cli.COMMANDS else ["demo"]).parse_args(words)
