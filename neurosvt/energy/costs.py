"""Cost tables: what an operation of each kind would cost, in picojoules.

Energy is a count times a table, never measured. Every table says where its numbers come from; what
a source does not give is derived from what it gives, and the table says how.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from neurosvt.config import Registry, UserError, build
from neurosvt.energy.operations import Operations
from neurosvt.reading import read_toml

ADDRESS_BYTES = 2
"""Of a spike on its way: which of up to 65,536 neurons it was."""


@dataclass(frozen=True)
class Costs:
    """Picojoules per operation, in one precision."""

    name: str
    precision: str
    source: str
    mac: float
    """Multiply and add."""
    ac: float
    """Add what a spike chose."""
    update: float = 0.0
    """Leak, add and compare one membrane."""
    add: float = 0.0
    multiply: float = 0.0
    comparison: float = 0.0
    special: float = 0.0
    """Division, root, exponential."""
    byte: float = 0.0
    """Read or write one byte of memory; 0 leaves memory out."""
    number_bytes: int = 4
    """Bytes of a weight, an activation and a state."""
    weights: Literal["once", "each"] = "once"
    """Whether a weight is read once a frame, or for every operation that needs it."""

    def __post_init__(self) -> None:
        for name in ("mac", "ac", "update", "add", "multiply", "comparison", "special", "byte"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0 pJ, got {getattr(self, name)}")
        if self.number_bytes < 1:
            raise ValueError(f"number_bytes must be at least 1, got {self.number_bytes}")


def moved(done: Operations, costs: Costs) -> int:
    """Bytes that go between memory and arithmetic, in both directions."""
    weights = done.weights_once if costs.weights == "once" else done.weights_each
    numbers = weights + done.states + done.values
    return costs.number_bytes * numbers + ADDRESS_BYTES * done.spikes


def joules(done: Operations, costs: Costs) -> float:
    """What these operations would cost, in joules."""
    arithmetic = (
        done.macs * costs.mac
        + done.acs * costs.ac
        + done.updates * costs.update
        + done.adds * costs.add
        + done.multiplies * costs.multiply
        + done.comparisons * costs.comparison
        + done.specials * costs.special
    )
    return 1e-12 * (arithmetic + costs.byte * moved(done, costs))


HOROWITZ = (
    "M. Horowitz, Computing's Energy Problem (and what we can do about it), ISSCC 2014, fig. 1.1.9"
)
_FP32 = Costs(
    "horowitz-45nm", "fp32",
    f"{HOROWITZ}: add 0.9, multiply 3.7 pJ. An update is a multiply and two adds (the comparison "
    "being a subtraction), a special operation is taken for a multiply-add, which is little",
    mac=4.6, ac=0.9, update=5.5, add=0.9, multiply=3.7, comparison=0.9, special=4.6,
)  # fmt: skip
_FP16 = replace(
    _FP32, precision="fp16", source=f"{HOROWITZ}: add 0.4, multiply 1.1 pJ; the rest as for fp32",
    mac=1.5, ac=0.4, update=1.9, add=0.4, multiply=1.1, comparison=0.4, special=1.5,
    number_bytes=2,
)  # fmt: skip
_INT8 = replace(
    _FP32, precision="int8",
    source=f"{HOROWITZ}: 8-bit add 0.03, multiply 0.2 pJ, 32-bit add 0.1. What spikes choose is "
    "added to a 32-bit sum; a multiply-add is priced with an 8-bit add, which favours dense nets",
    mac=0.23, ac=0.1, update=0.4, add=0.1, multiply=0.2, comparison=0.1, special=0.23,
    number_bytes=1,
)  # fmt: skip
_BYTE = "; and 24.96 pJ for every byte moved"
_EXTREMES: dict[Literal["once", "each"], str] = {
    "once": "once a frame",
    "each": "for every operation",
}
_MEMORY = [
    replace(table, name=f"memory-{weights}", weights=weights, byte=24.96,
            source=f"{table.source}{_BYTE}, weights read {when}")
    for table in (_FP32, _INT8)
    for weights, when in _EXTREMES.items()
]  # fmt: skip
_SEED = Costs(
    "seed", "fp32",
    "the original's target: a synaptic operation taken for a tenth of a multiply-add of 4.6 pJ "
    f"({HOROWITZ}), and nothing else counted",
    mac=4.6, ac=0.46,
)  # fmt: skip
_CHIPS = [
    replace(
        _FP32, name="loihi",
        source="Davies et al., Loihi, IEEE Micro 2018: 23.6 pJ a synaptic operation, 81 pJ "
        f"a neuron update; what such a chip does not do, on a processor beside it ({HOROWITZ})",
        ac=23.6, update=81.0,
    ),
    replace(
        _FP32, name="truenorth",
        source="Merolla et al., A million spiking-neuron integrated circuit, Science 2014: 26 pJ a "
        f"synaptic event, all included; real-valued work on a processor beside it ({HOROWITZ})",
        ac=26.0, update=0.0,
    ),
    replace(
        _INT8, name="odin",
        source="Frenkel et al., ODIN, IEEE TBioCAS 2019: 12.7 pJ a synaptic operation at 0.55 V, "
        f"neurons included; real-valued work on a processor beside it ({HOROWITZ})",
        ac=12.7, update=0.0,
    ),
]  # fmt: skip

COST_TABLES: Registry[dict[str, Costs]] = Registry("cost table")
"""By name, then by precision; `add_costs` puts in one of your own."""


def add_costs(table: Costs) -> None:
    """Make a table known by its name and precision, beside those of the package.

    >>> add_costs(Costs("my chip", "int4", "its data sheet, 2031", mac=0.1, ac=0.02))
    >>> COST_TABLES["my chip"]["int4"].ac
    0.02
    >>> del COST_TABLES["my chip"]

    Raises:
        UserError: there is one of that name and precision already.
    """
    if table.name not in COST_TABLES:
        COST_TABLES[table.name] = {}
    if table.precision in COST_TABLES[table.name]:
        raise UserError(
            f"there is a cost table {table.name!r} for {table.precision} already; "
            "choose another name"
        )
    COST_TABLES[table.name][table.precision] = table


def all_costs() -> list[Costs]:
    """Every table in every precision, in the order in which they were made known."""
    return [table for by_precision in COST_TABLES.values() for table in by_precision.values()]


def read_costs(path: str | Path) -> Costs:
    """A table of one's own: a TOML file with the settings of `Costs`.

    Raises:
        FileNotFoundError: there is none.
        UserError: it is no TOML, or a setting is wrong.
    """
    path = Path(path)
    return build(Costs, read_toml(path), path=path.name)


def costs_named(name: str) -> list[Costs]:
    """All precisions of a table, or the one table that a .toml file holds.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: no such table, or a file that is wrong.
    """
    if name.endswith(".toml"):
        return [read_costs(name)]
    return list(COST_TABLES[name].values())


for _table in (_FP32, _FP16, _INT8, *_MEMORY, _SEED, *_CHIPS):
    add_costs(_table)
