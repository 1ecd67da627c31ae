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
    runs: int
    """Counted rounds, without the warm-up."""
    machine: dict[str, Any]
    harness_peak_rss_bytes: int
    """Before the first sample. A peak at or below this would measure the harness, not the contestant."""
    data: dict[str, dict[str, int]]
    """For each CSV file its `bytes`, and its `rows` and `signal_count` by the exact reference."""
    commands: dict[str, dict[str, str]]
    """For each contest the command of each contestant."""

    def save(self, folder: Path) -> None:
        """Write `environment.json`, replacing an older one."""
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / CIRCUMSTANCES).write_text(text, encoding="utf-8")


def load(folder: Path) -> tuple[Circumstances, list[Sample]]:
    """Return what `save` and the appended samples left in `folder`; raises FileNotFoundError if that is nothing."""
    circumstances = Circumstances(**json.loads((folder / CIRCUMSTANCES).read_text(encoding="utf-8")))
    lines = (folder / SAMPLES).read_text(encoding="utf-8").splitlines()
    return circumstances, [Sample.from_json(line) for line in lines]


def new_folder(date: str, cores: int) -> Path:
    """Create and return `runs/<date>-<cores>core`, with `-2`, `-3`, ... if the day already has one."""
    names = (f"{date}-{cores}core" + (f"-{number}" if number > 1 else "") for number in range(1, 1000))
    folder = next(RUNS / name for name in names if not (RUNS / name).exists())
    folder.mkdir(parents=True)
    return folder
