"""Imports inside functions, which keep a plain run fast to start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import streamsig

PACKAGE = Path(streamsig.__file__).parent
LAZY = {
    # libraries: pyarrow takes 100 ms and more, hashlib loads OpenSSL
    *("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "rich.console", "hashlib"),
    # decompressors
    *("isal", "compression", "backports"),
    # of the standard library: for unknown names, and for bugs
    *("difflib", "traceback"),
    # our modules that import them, or PyYAML, or numpy's random numbers
    *("streamsig.columnar.frames", "streamsig.columnar.table", "streamsig.engine.inspection"),
    *("streamsig.engine.stages.rows_out", "streamsig.engine.stages.time_order", "streamsig.engine.batches.table"),
    *(
        "streamsig.generate",
        "streamsig.cli.layout_report",
        "streamsig.sinks.progress",
        "streamsig.settings.strict_yaml",
    ),
}
RUN = """
import io, os, sys
sys.stdout = io.StringIO()
from streamsig.cli.main import main
from streamsig.stopping import Stopping
code = main(["run", sys.argv[1], "--output", "-", "--progress", "never"], Stopping())
sys.__stdout__.write(f"{code} " + " ".join(sys.modules))
"""


def _imported(node: ast.AST) -> set[str]:
    """Return the modules that a statement imports; `from pyarrow import parquet` is `pyarrow.parquet`."""
    if isinstance(node, ast.Import):
        return {each.name for each in node.names}
    if isinstance(node, ast.ImportFrom):
        parts = {f"{node.module}.{each.name}" for each in node.names}
        return parts if node.module == "pyarrow" else {str(node.module)}
    return set()


def test_imports_inside_of_functions() -> None:
    """The imports inside functions are those of the list; `__main__` has its own."""
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__main__.py":
            tree = ast.parse(path.read_text("utf-8"))
            functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
            imported |= {name for function in functions for node in ast.walk(function) for name in _imported(node)}
    assert imported == LAZY


def loaded_by(path: Path) -> set[str]:
    """Return the modules that a run of this input loads."""
    command = [sys.executable, "-c", RUN, path.name]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True)
    code, *loaded = done.stdout.split()
    assert code == "0"
    return set(loaded)


def test_a_plain_run_does_without(tmp_path: Path) -> None:
    """A run of plain text without a config file imports none of them, nor PyYAML or parts of numpy."""
    path = tmp_path / "prices.csv"
    path.write_text("time,close\n2024-01-01,1\n2024-01-02,2\n")
    assert (LAZY | {"yaml", "numpy.random", "numpy.ma", "rich"}) & loaded_by(path) == set()


def test_a_run_of_parquet_makes_no_wrappers(tmp_path: Path) -> None:
    """Columns of floats and times are read without `pyarrow.compute`, and without pandas, even if it is installed."""
    path = tmp_path / "prices.parquet"
    (tmp_path / "pandas.py").write_text("__version__ = '3.0.0'\n")
    times = pa.array([1_600_000_000 + row for row in range(9)], pa.timestamp("s"))
    pq.write_table(pa.table({"time": times, "close": [1.5 + row for row in range(9)]}), path)
    loaded = loaded_by(path)
    assert "pyarrow.parquet" in loaded
    assert not {"pyarrow.compute", "pandas"} & loaded
