"""Compiles the kernels in `streamsig/native` while streamsig is installed.

The compiler is clang, which the package `ziglang` brings to wherever pip is; it is there during the
build and gone afterwards. The libraries need nothing of the system, not even libc.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEVELS = {
    "x86_64": {"baseline": "x86_64", "avx2": "x86_64_v3", "avx512": "x86_64_v4"},
}
"""The libraries for each machine, and what each may use; on others one for all."""

OPTIONS = [
    *["-std=c11", "-O3", "-g0", "-fPIC", "-fvisibility=hidden", "-ffreestanding", "-fno-sanitize=all"],
    *["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"],
    *["-shared", "-nostdlib", "-s"],
    # a library for Windows would need an entry point of its own
    *(["-Wl,--no-entry"] if os.name == "nt" else []),
]


class Kernels(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled kernels to a wheel; an editable install finds them among the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (editable or not)
        """Compile, where a wheel is built and not a source distribution."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root, "streamsig", "native")
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
        for level, processor in LEVELS.get(machine, {"baseline": "baseline"}).items():
            library = folder / f"{level}.so"
            try:
                compile_kernels(sorted(folder.glob("*.c")), processor, library)
            except (CompilerError, OSError) as error:
                self.app.abort(f"streamsig cannot be built: {error}")
            build_data["artifacts"].append(str(library.relative_to(self.root)))
        # Python for macOS may run on both of its processors; the kernels are compiled for this one
        system = sysconfig.get_platform().replace("universal2", machine)
        tag = system.replace("-", "_").replace(".", "_")
        build_data |= {"pure_python": False, "tag": f"py3-none-{tag}"}


class CompilerError(Exception):
    """There is no compiler, or it has failed; the message is one line that says what to do."""


def compile_kernels(sources: list[Path], processor: str, library: Path) -> None:
    """Compile `sources` for a kind of processor; raises CompilerError, and OSError where nothing can be written."""
    if importlib.util.find_spec("ziglang") is None:
        raise CompilerError(
            "its compiler is missing: pip install ziglang, or let pip fetch it (without --no-build-isolation)"
        )
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, library.name)
        compiler = [sys.executable, "-m", "ziglang", "cc", *OPTIONS, f"-mcpu={processor}"]
        caches = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
        done = subprocess.run(  # noqa: S603 (our own sources)
            [*compiler, *map(str, sources), "-o", str(made)],
            env=os.environ | caches,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no message"]
            reason = next((line for line in lines if "error:" in line), lines[-1])
            raise CompilerError(
                f"its compiler failed with exit code {done.returncode}: {reason}; try pip install --force-reinstall"
                f" ziglang, and see what it says of: {' '.join(compiler)} {' '.join(map(str, sources))}"
            )
        # beside the old one first: a process that runs that one keeps it whole
        beside = library.with_suffix(".new")
        shutil.copyfile(made, beside)
        beside.replace(library)
