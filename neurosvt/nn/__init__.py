"""Modules: thin shells over `ops`, state in and state out."""

from neurosvt.nn.heads import Belief, Heads
from neurosvt.nn.leaky_memory import LeakyMemory, LeakyMemoryConfig
from neurosvt.nn.memory import MEMORIES, Memory, MemoryConfig, MemoryStep, StepwiseMemory
from neurosvt.nn.neuron import LIF, ParametricLIF
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemory, NoMemoryConfig, TokenMemory, TokenMemoryConfig
from neurosvt.nn.token_neuron import NEURONS, NeuronConfig, TokenLIF, TokenNeuron

__all__ = [
    "LIF",
    "MEMORIES",
    "NEURONS",
    "Belief",
    "Heads",
    "LeakyMemory",
    "LeakyMemoryConfig",
    "Memory",
    "MemoryConfig",
    "MemoryStep",
    "NeuronConfig",
    "NoMemory",
    "NoMemoryConfig",
    "ParametricLIF",
    "ReadoutConfig",
    "StepwiseMemory",
    "TokenLIF",
    "TokenMemory",
    "TokenMemoryConfig",
    "TokenNeuron",
]
