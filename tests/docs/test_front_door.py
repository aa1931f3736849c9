"""README.md is one page that a newcomer reads in a minute."""

import re

import pytest

from tests.docs import pages

README = pages.README.read_text()
NUMBER = re.compile(r"(?<![\w.])\d[\d,.]*")


def faults(text: str) -> list[str]:
    """What is too much about a front page, in words."""
    lines = text.splitlines()
    prose = pages.prose(text)
    words = re.findall(r"\S*\w\S*", prose)
    numbers = NUMBER.findall(prose)
    found = [f"{len(lines)} lines"] if len(lines) > 130 else []
    whole = len(re.findall(r"\S*\w\S*", text))  # with tables and code
    found += [f"{whole} words"] if whole > 900 else []
    found += [f"line {n} is {len(x)} wide" for n, x in enumerate(lines, 1) if len(x) > 120]
    if 100 * len(numbers) > 8 * len(words):
        found.append(f"{len(numbers)} numbers in {len(words)} words")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    found += [f"{len(tables)} tables"] if len(tables) > 2 else []
    widths = [table.splitlines()[0].count("|") - 1 for table in tables]
    return found + [f"a table of {width} columns" for width in widths if width > 7]


def test_the_readme_is_one_page():
    assert faults(README) == []


@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        (README + "\n" * 60, "lines"),
        (README + "word " * 25 + "\n", "wide"),
        (README.replace("## Cite", "Many words\n" * 500), "words"),
        (README + "\n1 2 3 4 5 6 7 8 9 10\n" * 5, "numbers"),
        (README + "\n| a | b |\n| --- | --- |\n", "3 tables"),
        (
            README.replace("| --- |\n", "| --- | --- |\n").replace("a frame |\n", "a | b |\n"),
            "8 col",
        ),
    ],
    ids=["lines", "wide", "words", "numbers", "tables", "columns"],
)
def test_a_page_that_is_too_much_is_found(spoilt, fault):
    assert any(fault in each for each in faults(spoilt))


def test_it_leads_with_the_two_commands():
    first = next(block for block in pages.blocks(README) if block.language == "commands")
    assert [words[:2] for words in pages.commands(first)] == [["make", "demo"], ["make", "test"]]


def test_it_shows_the_hidden_object_being_followed():
    assert "](docs/images/remember.gif)" in README


def test_grus_that_are_ahead_at_equal_training_stand_in_the_results():
    results = README.split("## Results")[1].split("##")[0]
    rows = [each for each in pages.TABLE.findall(results) if "GRU" in each]
    assert len(rows) == 2
    assert any("**" in row for row in rows), "what leads stands in bold"
    assert "GRUs are ahead" in results


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)", README))))
def test_what_it_links_to_is_there(target):
    assert (pages.ROOT / target).exists()
