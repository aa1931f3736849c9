"""Models for other runtimes: NIR for neuromorphic simulators and chips, C for microcontrollers,
ONNX for the others."""

from neurosvt.export.registry import EXPORTS, Exporter, export_model

__all__ = ["EXPORTS", "Exporter", "export_model"]
