"""The cores that the machine gives this process."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CONTROL_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_cores() -> int:
    """Return how many cores this process may use: those of its affinity, or fewer if its control group has a quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    quota = cpu_quota(_CONTROL_GROUPS, _OWN)
    return cores if quota is None else min(cores, max(1, math.ceil(quota)))


def cpu_quota(mounted: Path, own: Path) -> float | None:
    """Return the CPU quota of a process's control groups, in cores; `None` if there is none.

    `docker run --cpus` and CPU limits of Kubernetes set it. `own` is the process's /proc/PID/cgroup: of
    version 2 a line `0::PATH`, of version 1 one with `cpu` among its controllers. The smallest quota of
    a group and its parents counts. A container may see its own group as the root of `mounted`, under another path than
    in `own`.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:  # not Linux
        return None
    quotas = []
    for _, controllers, path in (line for line in lines if len(line) == 3):  # noqa: PLR2004 (number:controllers:path)
        if controllers and "cpu" not in controllers.split(","):
            continue
        roots = [mounted / name for name in ("cpu", "cpu,cpuacct")] if controllers else [mounted, mounted / "unified"]
        for root in filter(Path.is_dir, roots):
            group = root / path.lstrip("/")
            while group.is_relative_to(root):
                quotas.append(_quota(group))
                if group == root:
                    break
                group = group.parent
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(group: Path) -> float | None:
    """Return the quota of one group in cores, `None` if it has none."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{which}_us").read_text().strip() for which in ("quota", "period"))
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max", or none at all
        return None
    return cores if cores > 0 else None
