"""A stored benchmark: raw samples and circumstances in one folder, from which everything else is derived."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample

RUNS = Path(__file__).resolve().parent / "runs"
SAMPLES = "runs.jsonl"
CIRCUMSTANCES = "environment.json"


@dataclass(frozen=True)
class Circumstances:
    """Everything about a benchmark but its samples. Holds no host name and no absolute path."""

    date: str
    """UTC, `YYYY-MM-DD`."""
    rows: int
    """Data records in the file, counted by the exact reference."""
    window: int
    runs: int
    """Counted rounds, without the warm-up."""
    exact_count: int
    data_bytes: int
    data_sha256: str
    commands: dict[str, str]
    """`generate`, `exact` and each contestant in the order of a round; the file is called `bars.csv`."""
    machine: dict[str, Any]
    harness_peak_rss_bytes: int
    """Before the first sample. A peak at or below this would measure the harness, not the contestant."""
    symbols: int = 0
    """Series in the file, 0 for one without a name."""

    def save(self, folder: Path) -> None:
        """Write `environment.json`, replacing an older one."""
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / CIRCUMSTANCES).write_text(text, encoding="utf-8")


def load(folder: Path) -> tuple[Circumstances, list[Sample]]:
    """Return what `save` and the appended samples left in `folder`.

    Raises:
        FileNotFoundError: `folder` holds no benchmark.

    """
    circumstances = Circumstances(**json.loads((folder / CIRCUMSTANCES).read_text(encoding="utf-8")))
    lines = (folder / SAMPLES).read_text(encoding="utf-8").splitlines()
    return circumstances, [Sample.from_json(line) for line in lines]


def new_folder(date: str, cores: int, symbols: int) -> Path:
    """Create and return `runs/<date>-<cores>core`, with `-<symbols>symbols` where there are any.

    With `-2`, `-3`, ... when the day already has one.
    """
    name = f"{date}-{cores}core" + (f"-{symbols}symbols" if symbols else "")
    number = 1
    while True:
        folder = RUNS / (name + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder
