"""The machine and software of a benchmark, without anything that identifies the machine."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = (
    "streamsig",
    "numpy",
    "pyarrow",
    "pandas",
    "polars",
    "duckdb",
    "matplotlib",
)
THREAD_SETTINGS = (
    "ARROW_NUM_THREADS",
    "OMP_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def description() -> dict[str, object]:
    """Return processor, cores, memory, system, versions and settings for JSON. No host name, no path."""
    return {
        "cpu_model": cpu_model(),
        "cores": usable_cores(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "system": f"{platform.system()} {_leading_numbers(platform.release())} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": _versions(),
        "commit": _commit(),
        "settings": {name: os.environ[name] for name in THREAD_SETTINGS if name in os.environ},
    }


def usable_cores() -> int:
    """Return how many cores this process may use, which on a shared machine is fewer than it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def harness_peak_rss_bytes() -> int:
    """Return the peak memory of this process: no measured child can show less, so it must stay small."""
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes


def cpu_model() -> str:
    """Return the processor's marketing name, or its architecture if the system has no name."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", listing.read_text(encoding="utf-8"), re.MULTILINE)
        return match[1].strip() if match else platform.machine()
    return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()


def _versions() -> dict[str, str]:
    """Return the version of every library that could matter and is installed."""
    versions = {}
    for name in DISTRIBUTIONS:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _commit() -> str | None:
    """Return the short commit, with `-dirty` when tracked files differ from it; None outside a checkout."""
    return _output("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty") or None


def _leading_numbers(release: str) -> str:
    """Return `6.1` of `6.1.0-31-someones-kernel`: the rest of a release is sometimes a name."""
    match = re.match(r"\d+(\.\d+)?", release)
    return match[0] if match else ""


def _output(program: str, *arguments: str) -> str:
    """Return the output of a program on one line, or nothing if it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""
