"""What is written as ONNX gives the same in onnxruntime."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_images_and_a_sequence_with_its_state_are_the_same_in_onnxruntime(tmp_path):
    program = Path(__file__).with_name("exported_to_onnx.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-2000:]
