"""What the extras of the package bring, as its own metadata say, and what of that is missing."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement

_PACKAGE = "neurosvt"


@dataclass(frozen=True)
class Extra:
    """One `pip install neurosvt[NAME]`."""

    name: str
    missing: tuple[str, ...]
    """Packages that it would bring."""
    not_offered: tuple[str, ...]
    """Packages of which there are none for this Python or system."""

    def told(self) -> str:
        """In a line."""
        lines = []
        if self.missing:
            lines.append(f"pip install '{_PACKAGE}[{self.name}]' brings {', '.join(self.missing)}")
        if self.not_offered:
            lines.append(f"not offered for this Python or system: {', '.join(self.not_offered)}")
        return "; ".join(lines) or "installed"


def extras() -> list[Extra]:
    """Every extra, less `all`, which only names others; none where the package is not installed."""
    try:
        names = metadata(_PACKAGE).get_all("Provides-Extra") or []
        asked = [Requirement(line) for line in requires(_PACKAGE) or ()]
    except PackageNotFoundError:
        return []
    return [_extra(name, asked) for name in names if name != "all"]


def _extra(name: str, asked: list[Requirement]) -> Extra:
    own = [
        r for r in asked
        if r.name != _PACKAGE and r.marker is not None and f'extra == "{name}"' in str(r.marker)
    ]  # fmt: skip
    offered = {r.name: r.marker is None or r.marker.evaluate({"extra": name}) for r in own}
    return Extra(
        name,
        tuple(n for n, here in offered.items() if here and not _installed(n)),
        tuple(n for n, here in offered.items() if not here and not _installed(n)),
    )


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
