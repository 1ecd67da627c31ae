"""The cores of a container are read from the files of its control groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamsig import machine

if TYPE_CHECKING:
    from pathlib import Path


def quota(folder: Path, own: str, files: dict[str, str]) -> float | None:
    """Return the quota of a process whose /proc/PID/cgroup is `own`, with these files mounted."""
    mounted = folder / "mounted"
    for name, text in files.items():
        place = mounted / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "own").write_text(own)
    return machine.cpu_quota(mounted, folder / "own")


V1 = "7:blkio:/\n4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "100000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        ("0::/docker/abc\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        ("", {"cpu.max": "100000 100000"}, None),
        (V1, {"cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000\n"}, None),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        (V1, {"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.5),
        (
            V1,
            {
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "100000",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "50000",
                "memory/docker/abc/cpu.max": "1 1",
            },
            2,
        ),
        ("0::/x\n3:cpu:/x\n", {"unified/x/cpu.max": "100000 100000", "cpu/x/cgroup.procs": ""}, 1),
    ],
)
def test_quota_of_control_groups(tmp_path: Path, own: str, files: dict[str, str], cores: float | None) -> None:
    """Both versions give the smallest quota on the path, and none if it is unset or unreadable."""
    assert quota(tmp_path, own, files) == cores


def test_no_control_groups(tmp_path: Path) -> None:
    """Without control group files there is no quota."""
    assert machine.cpu_quota(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(("quota", "cores"), [(0.25, 1), (1.0, 1), (1.5, 2), (900.0, None), (None, None)])
def test_cores_are_rounded_up_and_never_more_than_there_are(
    quota: float | None, cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a core is one thread, and a quota above the available cores has no effect."""
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda _mounted, _own: quota)
    assert machine.available_cores() == (8 if cores is None else cores)
