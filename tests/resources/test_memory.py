"""The memory promise, measured in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.workdir import MEASURED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")


def peak_mib(rows: int, *arguments: str) -> float:
    """Return the peak resident memory of a run over a pipe of this many bars."""
    feed = subprocess.Popen(
        [sys.executable, "-m", "streamsig", "generate", "--rows", str(rows)], stdout=subprocess.PIPE
    )
    with feed:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "run", "-", "--output", "-", "--progress", "never", *arguments],
            stdin=feed.stdout,
            capture_output=True,
            check=True,
            text=True,
        )
        assert json.loads(done.stdout)["rows_processed"] == rows
    return int(done.stderr.split()[-1]) / 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_input() -> None:
    """A pipe 16 times as long takes at most 5 % more memory, and less than 150 MiB with 2 threads."""
    # the peak of both threads varies by 2 MiB; growth would show in every long run
    small, large = ([peak_mib(rows, "--threads", "2") for _ in range(3)] for rows in (2_000_000, 32_000_000))
    assert min(large) <= 1.05 * max(small)
    assert max(large) < 150
