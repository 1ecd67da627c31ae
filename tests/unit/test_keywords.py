"""Type checkers know the keyword arguments of `run()` and `scan()`."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from streamsig.settings.keywords import RunSettings
from streamsig.settings.settings import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from pathlib import Path
import numpy as np
import streamsig

result = streamsig.run("a.csv", Path("b.csv"), window=5, group_by="symbol", checkpoint=Path("c"), memory_limit="256MiB")
value: float | None = result.value
streamsig.run(np.array([1.0, 2.0]), missing=["-1"], column=3, signals={"a": streamsig.Signal(1, 2), "b": {"slow": 3}})
streamsig.scan(["a.csv", "b.csv"], order="newest-first", window=np.int64(3))
"""
WRONG = """\
streamsig.run("a.csv", windw=5)
streamsig.scan("a.csv", order="newest")
"""


def test_each_setting_has_a_type() -> None:
    """The keyword arguments are the settings, in their order."""
    assert list(RunSettings.__annotations__) == list(SETTINGS)
    assert (files("streamsig") / "py.typed").is_file()


@pytest.mark.slow
def test_a_script_of_a_user(tmp_path: Path) -> None:
    """`mypy --strict` accepts correct calls and rejects a misspelt setting and a wrong value."""
    (tmp_path / "script.py").write_text(SCRIPT + WRONG)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "script.py"]
    done = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True, check=False)
    first, second = (line for line in done.stdout.splitlines() if "error:" in line)
    line = 1 + SCRIPT.count("\n")
    assert first.startswith(f'script.py:{line}: error: Unexpected keyword argument "windw" for "run"')
    assert second.startswith(f'script.py:{line + 1}: error: Argument "order" to "scan" has incompatible type')
