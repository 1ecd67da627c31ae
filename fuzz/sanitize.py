"""`python fuzz/sanitize.py` compiles the kernels as level `sanitized`, which undefined behaviour aborts."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import hatch_build  # noqa: E402 (it is not an installed package)

if __name__ == "__main__":
    hatch_build.OPTIONS.remove("-fno-sanitize=all")
    hatch_build.OPTIONS += ["-fsanitize=undefined", "-fsanitize-trap=undefined"]
    folder = ROOT / "streamsig" / "native"
    hatch_build.compile_kernels(sorted(folder.glob("*.c")), "x86_64_v3", folder / "sanitized.so")
