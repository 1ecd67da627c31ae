"""Real memory limits for the program: of a control group, or else of the address space."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUPS = Path("/sys/fs/cgroup")
_ENTER = ["sh", "-c", 'echo $$ > "$0" && exec "$@"']
_numbers = itertools.count()


@contextlib.contextmanager
def limited(limit_bytes: int, *, pyarrow: bool) -> Iterator[list[str]]:
    """Yield a command prefix that limits memory to this size, without swap.

    A limit of the address space is larger, since much of it is only reserved; more so with `pyarrow`.
    """
    with contextlib.ExitStack() as stack:
        for parent, files in _parents():
            with contextlib.suppress(OSError):
                group = parent / f"streamsig-test-{os.getpid()}-{next(_numbers)}"
                group.mkdir()
                stack.callback(group.rmdir)
                for name, value, needed in files:
                    if needed or (group / name).exists():
                        (group / name).write_text(str(limit_bytes if value is None else value))
                before = [*_ENTER, str(group / "cgroup.procs")]
                if subprocess.run([*before, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                    yield before
                    return
        kib = (limit_bytes + _reserved_bytes(pyarrow=pyarrow)) >> 10
        yield ["sh", "-c", f'ulimit -v {kib} && exec "$@"', "sh"]


def _parents() -> Iterator[tuple[Path, list[tuple[str, int | None, bool]]]]:
    """Yield groups that may have children, and which of a child's files to write; `None` stands for the limit."""
    own = Path("/proc/self/cgroup")
    for _, controllers, path in (line.split(":", 2) for line in own.read_text().splitlines() if own.exists()):
        if not controllers:
            group = _GROUPS / path.lstrip("/")
            # a group with processes cannot limit its children, but its parent can
            yield from (
                (each, [("memory.max", None, True), ("memory.swap.max", 0, False)]) for each in (group, group.parent)
            )
        elif "memory" in controllers.split(","):
            files = [("memory.limit_in_bytes", None, True), ("memory.memsw.limit_in_bytes", None, False)]
            yield from ((_GROUPS / "memory" / each, files) for each in (path.lstrip("/"), ""))


def _reserved_bytes(*, pyarrow: bool) -> int:
    """Measure the address space that libraries reserve and never touch; add stack and heap for two threads.

    glibc reserves 128 MiB for the heap of a thread, and 8 MiB for its stack.
    """
    libraries = "streamsig.cli.run" + (", pyarrow.csv, pyarrow.parquet" if pyarrow else "")
    status = subprocess.run(
        [sys.executable, "-c", f"import {libraries}; print(open('/proc/self/status').read())"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    peaks = {key: int(value) << 10 for key, value in re.findall(r"(VmPeak|VmHWM):\s+([0-9]+)", status)}
    return peaks["VmPeak"] - peaks["VmHWM"] + 2 * (136 << 20)
