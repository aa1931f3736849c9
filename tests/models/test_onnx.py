"""PyTorch's own exporter takes the models, and onnxruntime gives the same."""

import subprocess
import sys
from pathlib import Path


def test_an_image_and_a_step_with_its_state_are_the_same_in_onnxruntime():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", Path(__file__).with_name("exported_to_onnx.py")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-2000:]
