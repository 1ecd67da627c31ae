"""The laws of `fuzz/targets.py`, tried on the kept corpus and on changes to it; `make fuzz` looks further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.__main__ import replay

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("target", ["detection", "cutter", "reader"])
def test_laws_hold_for_any_bytes(target: str) -> None:
    """Each law holds for every kept input and for some hundred like them."""
    replay(target)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is guarded in another way there")
def test_kernels_stay_within_their_arrays() -> None:
    """With arrays that end where memory does, no kernel is killed for touching what is not its own."""
    command = [sys.executable, "-m", "fuzz", "replay", "kernels"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
