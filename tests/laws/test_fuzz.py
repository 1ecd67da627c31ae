"""The laws of `fuzz/targets.py`, tried on the corpus and on mutations of it; `make fuzz` searches further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.__main__ import CORPUS, replay
from fuzz.targets import GUARDED, TARGETS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", [name for name in TARGETS if name not in GUARDED])
def test_laws_hold_for_any_bytes(target: str) -> None:
    """Each law holds for every input of the corpus and for about a hundred mutations."""
    assert replay(target) > 300


@pytest.mark.skipif(sys.platform != "linux", reason="memory is guarded in another way there")
@pytest.mark.parametrize("target", GUARDED)
def test_kernels_stay_within_their_arrays(target: str) -> None:
    """Kernels touch nothing outside of arrays that end and begin at guard pages."""
    command = [sys.executable, "-m", "fuzz", "replay", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_law_is_fuzzed() -> None:
    """`make fuzz` knows every target, and each has a corpus."""
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("TARGETS")]
    assert line.split("=")[1].split() == list(TARGETS)
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("GUARDED")]
    assert line.split("=")[1].split() == list(GUARDED)
    assert sorted(TARGETS) == sorted(folder.name for folder in CORPUS.iterdir())
