"""How much memory a run needs at most, and how a limit is shared out: the formula of docs/explanation/memory.md.

Each constant is the largest that was measured in fresh processes, over the contents that take most of a chunk's
bytes; `python -m benchmarks.memory` measures again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streamsig.core.groups import MAX_BYTES, GroupState
from streamsig.core.window import overlap
from streamsig.csv import chunks
from streamsig.csv.chunks import CHUNK_BYTES
from streamsig.errors import UsageError

if TYPE_CHECKING:
    from streamsig.settings.settings import Settings
    from streamsig.sources.storage import Storage

MIB = 1 << 20

PYTHON = 51 * MIB
"""An interpreter with numpy and all that a run imports, and what finding a layout out takes.

Half of it are pages of libraries, of which the kernel maps more in a fresh installation: 24 MiB where it was 17 when
they had been read in small pieces before.
"""

PYARROW = 72 * MIB
"""pyarrow with all of it that a run may import, over Arrow's system allocator: up to 67 MiB of it pages, too."""

ROW_FILE = 24 * MIB
"""Rows that wait to be put down, and their encoder."""

PER_BYTE, PER_BYTE_TIMES = 32, 56
"""Bytes that a thread takes for each byte of its chunk, and where times are judged besides. The worst are rows of a
few bytes, and bad rows, one after another."""

LONG_RECORD = 12 * MIB
"""What a thread takes at least: for the longest record, or a short chunk of nothing but bad rows."""

PER_CLOSE = 128
"""Bytes for each close of the longest window: a fold, and what merging takes (measured 59; up to 105 where some are
missing, as the allocator happens to find room). Each further limb of closes takes as much again."""

PER_CLOSE_SAVED = 200
"""Bytes for each, too, while a checkpoint is written."""

PER_ROW, PER_ROW_SIGNAL = 120, 20
"""Bytes for each row that is told at once, and for each of its signals."""

SHORTEST_ROW = 2
"""Bytes of the shortest row: a digit and a line end."""

STATES = 4
"""So many states of groups are there at once when an input is joined to those before it: both, and what joining
takes, measured as three."""

PIECE = 8 * MIB
"""Some groups as JSON, while a checkpoint is written or read."""

SMALLEST_CHUNK = 256 << 10
"""Shorter ones take no less, for the sake of long records, and more time."""

MODEST_CHUNK = 512 << 10
"""Without a limit, where rows are emitted or times are checked: longer ones take more memory, and no less time."""

TABLE = 32 * MIB
"""A batch of rows of a columnar file, and its pages as far as they are not known before."""

_STEP = 64 << 10
_GROUPS = "a first group"


class Need(NamedTuple):
    """A part of what a run needs, in words and bytes."""

    what: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run keeps within its limit.

    A state of groups may take `groups_bytes`. What nothing is planned for is `spare_bytes`, `None` without a limit;
    `per_limb_bytes` more are needed for each further limb of closes, and what is read of a columnar file at once may
    take `table_bytes`, if there is a limit.
    """

    threads: int
    chunk_bytes: int | None = None
    groups_bytes: int = MAX_BYTES
    spare_bytes: int | None = None
    per_limb_bytes: int = 0
    table_bytes: int | None = None

    def check_closes(self, limbs: int) -> None:
        """Raise UsageError where closes of so many limbs, by now, do not fit."""
        more = (limbs - 1) * self.per_limb_bytes
        if self.spare_bytes is not None and more > self.spare_bytes:
            raise UsageError(
                f"`memory_limit`: closes of so many digits take {_mib(more)} MiB more for their windows, and"
                f" {self.spare_bytes // MIB:,} MiB are left; raise it, or use a shorter window"
            )


class Budget:
    """Shares out what `settings.memory_limit` allows, if there is one.

    `rows` says whether rows are told, `several` whether inputs may be joined. Raises UsageError where not even the
    smallest plan fits, with what it needs; asked for again with what an input that was not known turns out to take.
    """

    def __init__(self, settings: Settings, storage: Storage, *, rows: bool, several: bool) -> None:
        self._settings, self._storage, self._rows, self._several = settings, storage, rows, several
        self.plan = self._plan()

    def admit(self, storage: Storage) -> Plan:
        """Return the plan for an input that is stored like this, and all that are read after it."""
        joined = self._storage.join(storage)
        if joined != self._storage:
            self._storage = joined
            self.plan = self._plan()
        return self.plan

    def needs(self, threads: int, chunk_bytes: int) -> list[Need]:
        """Return what a run needs with so many threads and chunks of that size."""
        settings, storage = self._settings, self._storage
        keep, signals = overlap(settings.counted), len(settings.counted)
        needs = [Need("Python and numpy", PYTHON)]
        if storage.by_pyarrow or self._rows or settings.check_order:
            needs.append(Need("pyarrow", PYARROW))
        if storage.text:
            factor = PER_BYTE_TIMES if settings.check_order else PER_BYTE
            each = max(factor * chunk_bytes, LONG_RECORD)
            needs.append(Need(f"{threads} thread{'s' * (threads > 1)}", threads * each))
        if storage.unpack_bytes:
            needs.append(Need("unpacking", storage.unpack_bytes))
        if storage.columnar:
            needs.append(Need("what is read of columns at once", TABLE))
        if keep:
            each = PER_CLOSE + (PER_CLOSE_SAVED if settings.checkpoint else 0)
            each = 0 if settings.group_by else each
            needs.append(Need(f"windows of {keep + 1:,} rows", keep * each))
        if settings.group_by:
            state = 2 * GroupState(settings.counted).row_bytes + MIB + (PIECE if settings.checkpoint else 0)
            needs.append(Need(_GROUPS, state * self._states))
        if self._rows:
            at_once = chunk_bytes // SHORTEST_ROW + keep
            needs.append(Need("rows to tell", ROW_FILE + at_once * (PER_ROW + PER_ROW_SIGNAL * signals)))
        return [need for need in needs if need.size_bytes]

    @property
    def _states(self) -> int:
        return (STATES if self._several or self._storage.archive else 1) + self._rows

    def _plan(self) -> Plan:
        settings, limit = self._settings, self._settings.memory_limit
        if limit is None:
            modest = min(MODEST_CHUNK, chunks.CHUNK_BYTES)
            return Plan(settings.thread_count, modest if self._rows or settings.check_order else None)
        # threads that were asked for are kept, or refused
        counts = [settings.threads] if settings.threads else range(settings.thread_count, 0, -1)
        for threads in counts:
            if plan := self._fitting(limit, threads):
                return plan
        least = self.needs(counts[-1], SMALLEST_CHUNK)
        parts = ", ".join(f"{_mib(need.size_bytes)} MiB for {need.what}" for need in least if need.size_bytes >= MIB)
        raise UsageError(
            f"`memory_limit={_shown(limit)}`: this needs at least {_mib(sum(it.size_bytes for it in least))} MiB:"
            f" {parts}; raise it, or use a shorter window or fewer `threads`"
        )

    def _fitting(self, limit: int, threads: int) -> Plan | None:
        """Return the plan with the longest chunks that fit, `None` where the shortest do not."""

        def total(size: int) -> int:
            return sum(need.size_bytes for need in self.needs(threads, size))

        room = limit - total(SMALLEST_CHUNK)
        if room < 0:
            return None
        # half of what there is to share is left for what only reading tells: groups, long closes, dictionaries, pages
        most = limit - room // 2
        size = max(it for it in range(SMALLEST_CHUNK, CHUNK_BYTES + 1, _STEP) if total(it) <= most)
        spare = limit - total(size)
        groups = next((it.size_bytes for it in self.needs(threads, size) if it.what == _GROUPS), 0)
        closes = overlap(self._settings.counted) * (PER_CLOSE + self._rows * PER_ROW)
        return Plan(
            threads,
            size,
            groups_bytes=(spare + groups) // self._states,
            spare_bytes=spare,
            per_limb_bytes=0 if self._settings.group_by else closes,
            table_bytes=TABLE + spare,
        )


def _mib(size_bytes: int) -> str:
    return f"{-(-size_bytes // MIB):,}"


def _shown(size_bytes: int) -> str:
    return repr(f"{size_bytes // MIB}MiB") if size_bytes % MIB == 0 else str(size_bytes)
