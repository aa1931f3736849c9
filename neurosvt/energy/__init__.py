"""Operations counted by the values that flowed, and what they would cost."""

from neurosvt.energy.compare import ModelCost, compare_energy
from neurosvt.energy.costs import COST_TABLES, Costs, add_costs, costs_named, joules
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.energy.phases import PhaseCounts, count_pass, count_phases, deployed

__all__ = [
    "COST_TABLES",
    "Costs",
    "Meter",
    "ModelCost",
    "Operations",
    "PhaseCounts",
    "add_costs",
    "compare_energy",
    "costs_named",
    "count_pass",
    "count_phases",
    "deployed",
    "joules",
]
