"""Vendor files, if available: each is counted right without a flag, or refused with the flag that fixes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import streamsig

FOLDER = os.environ.get("STREAMSIG_VENDOR_FILES")


def _cases() -> list[Any]:
    if not FOLDER:
        why = "STREAMSIG_VENDOR_FILES names no folder of vendor files"
        return [pytest.param("", {}, marks=pytest.mark.skip(reason=why), id="no-vendor-files")]
    expected = json.loads((Path(FOLDER) / "expected.json").read_text(encoding="utf-8"))
    return [pytest.param(name, facts, id=name) for name, facts in expected.items()]


@pytest.mark.parametrize(("name", "facts"), _cases())
def test_a_vendor_file_has_the_expected_counts(name: str, facts: dict[str, Any]) -> None:
    """Rows, missing closes and signals are the expected ones for every window."""
    path = Path(FOLDER or "") / name
    layout = facts["what_it_is"]
    for window, signals in facts["signal_count"].items():
        try:
            result = streamsig.run(path, window=int(window))
        except streamsig.LayoutError as stop:
            assert "`column" in str(stop) or "`header=False`" in str(stop)  # noqa: PT017 (a refusal must name a flag)
            flags: dict[str, Any] = {"header": layout["header"]} if "header" in layout else {}
            result = streamsig.run(
                path, window=int(window), column=layout.get("close") or layout["close_field"], **flags
            )
        actual = (result.rows_processed, result.rows_missing, result.signal_count)
        assert actual == (facts["rows"], facts["missing"], signals)
