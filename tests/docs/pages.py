"""What the documentation holds: its pages, their blocks of code, the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Language, what follows it on its line, and the text of a fenced block."""
TABLE = re.compile(r"^\|.*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block of a page that can be run."""

    language: str
    """"python", "toml", or "commands" for an indented block."""
    about: str
    """What stands behind the language, as in `title="mine.toml"`."""
    text: str


def pages() -> list[Path]:
    """README.md and everything under docs/."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def named(path: Path) -> str:
    """A page as a test calls it."""
    return str(path.relative_to(ROOT))


def blocks(text: str) -> Iterator[Block]:
    """Fenced blocks and indented ones, in their order."""
    found = [(m.start(), Block(m[1], m[2].strip(), m[3])) for m in FENCE.finditer(text)]
    bare = FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)
    # Blanking keeps the count of lines, so that both kinds can be put in one order.
    lines = bare.split("\n")
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and lines[end].startswith("    "):
            end += 1
        if end > start and (start == 0 or not lines[start - 1].strip()):
            chunk = "\n".join(line[4:] for line in lines[start:end])
            found.append((_offset(text, start), Block("commands", "", chunk)))
        start = max(end, start + 1)
    return (block for _, block in sorted(found, key=lambda each: each[0]))


def _offset(text: str, line: int) -> int:
    return sum(len(each) + 1 for each in text.split("\n")[:line])


def commands(block: Block) -> Iterator[list[str]]:
    """The words of every command in an indented block, without comments."""
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def prose(text: str) -> str:
    """A page without blocks of code, tables, comments, and the targets of links."""
    text = re.sub(r"<!--.*?-->", "", FENCE.sub("", text), flags=re.DOTALL)
    text = re.sub(r"^    .*$", "", TABLE.sub("", text), flags=re.MULTILINE)
    return re.sub(r"\]\([^)]*\)", "]", text)
