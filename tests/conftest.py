"""Fixtures and hooks of all tests."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support.workdir")

from tests.support.workdir import Workdir  # noqa: E402 (pytest must rewrite its asserts, too)

if TYPE_CHECKING:
    from pathlib import Path

# a background job of a shell ignores SIGINT, and so would every program that a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# times vary with the machine and do not affect correctness
settings.register_profile("default", deadline=None, database=None)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("default")


LONGEST_ID, LONGEST_PART = 120, 40


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a text by its first characters, and binary bytes by their number; pytest numbers equal ids.

    Compressed bytes may contain a time, so workers would collect different ids.
    """
    if isinstance(val, bytes):
        if not val[:LONGEST_PART].isascii() or b"\0" in val[:LONGEST_PART]:
            return f"{len(val)} bytes"
        val = val[:LONGEST_PART].decode()
    return ascii(val[:LONGEST_PART])[1:-1][:LONGEST_PART] if isinstance(val, str) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse ids that are long or not printable, on which reports and xdist fail."""
    bad = [item.nodeid for item in items if len(item.name) > LONGEST_ID or not item.nodeid.isprintable()]
    if bad:
        raise pytest.UsageError("\n".join(["these tests need shorter ids:", *(ascii(name[:200]) for name in bad)]))


@pytest.fixture
def workdir(tmp_path: Path) -> Workdir:
    """Return an empty folder to run the program in."""
    return Workdir(tmp_path)


@pytest.fixture
def mortal() -> list[str]:
    """Return a command prefix under which file permissions apply, even to root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions are another matter here")
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("we are root, and cannot but read everything")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture(scope="session")
def duckdb() -> Any:
    """Return a connection to DuckDB."""
    return pytest.importorskip("duckdb").connect()
