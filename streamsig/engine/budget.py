"""The most memory that a run needs, and how a limit is divided: the formula of docs/explanation/memory.md.

Each constant is the largest value measured in fresh processes, over the contents that need the most memory for the
bytes of a chunk. `python -m benchmarks.memory` measures them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.core.groups import MAX_BYTES, GroupState
from streamsig.core.window import overlap
from streamsig.errors import UsageError

if TYPE_CHECKING:
    from streamsig.settings.settings import Settings
    from streamsig.sources.formats import Storage

MIB = 1 << 20

PYTHON = 51 * MIB
"""An interpreter with numpy and everything that a run imports, and the detection of a layout.

Half of it is pages of libraries. The kernel maps more of them in a fresh installation: 24 MiB, as against 17 MiB after
they were read in small pieces.
"""

PYARROW = 72 * MIB
"""pyarrow with every module that a run may import, on Arrow's system allocator; up to 67 MiB of it is pages."""

ROW_FILE = 24 * MIB
"""Rows that wait to be written, and their encoder."""

PER_BYTE, PER_BYTE_TIMES = 32, 56
"""Bytes that a thread needs for each byte of its chunk, without and with the check of times; the worst contents are
rows of a few bytes and consecutive bad rows."""

LONG_RECORD = 12 * MIB
"""The least that a thread needs: for the longest record, or for a short chunk of only bad rows."""

PER_CLOSE = 128
"""Bytes for each close of the longest window, for a fold and for merging (measured: 59, and up to 105 where closes are
missing, depending on the allocator). Each further limb of closes needs as much again."""

PER_CLOSE_SAVED = 200
"""Additional bytes for each close while a checkpoint is written."""

PER_ROW, PER_ROW_SIGNAL = 120, 20
"""Bytes for each row that is emitted at once, and for each of its signals."""

SHORTEST_ROW = 2
"""Bytes of the shortest row: one digit and a line end."""

STATES = 4
"""States of groups in memory while an input is joined to those before it: both, and scratch (three in all when
measured)."""

PIECE = 8 * MIB
"""A piece of the groups as JSON, while a checkpoint is written or read."""

SMALLEST_CHUNK = 256 << 10
"""Shorter chunks need no less memory, because of long records, and more time."""

MODEST_CHUNK = 512 << 10
"""The size without a limit if rows are emitted or times checked: longer chunks need more memory and save no time."""

TABLE = 32 * MIB
"""A batch of rows of a columnar file, and those of its pages whose size is not known in advance."""

_STEP = 64 << 10
_GROUPS = "a first group"


class Plan(NamedTuple):
    """How a run stays within its limit.

    A state of groups may take `groups_bytes`. `headroom_bytes` are not planned for anything, `None` without a limit.
    Each further limb of closes needs `per_limb_bytes` more.
    """

    threads: int
    chunk_bytes: int
    groups_bytes: int = MAX_BYTES
    headroom_bytes: int | None = None
    per_limb_bytes: int = 0

    @property
    def table_bytes(self) -> int | None:
        """What one read of a columnar file may take."""
        return None if self.headroom_bytes is None else TABLE + self.headroom_bytes

    def check_closes(self, limbs: int) -> None:
        """Raise UsageError if closes of `limbs` limbs do not fit."""
        more = (limbs - 1) * self.per_limb_bytes
        if self.headroom_bytes is not None and more > self.headroom_bytes:
            raise UsageError(
                f"`memory_limit`: closes of so many digits take {_mib(more)} MiB more for their windows, and"
                f" {self.headroom_bytes // MIB:,} MiB are left; raise it, or use a shorter window"
            )


class Budget:
    """Divides `settings.memory_limit`, if there is one.

    `rows` is whether rows are emitted, `several` whether inputs may be joined. Raises UsageError, which lists the
    needs, if not even the smallest plan fits.
    """

    def __init__(self, settings: Settings, storage: Storage, *, rows: bool, several: bool) -> None:
        self._settings, self._storage, self._rows, self._several = settings, storage, rows, several
        self.plan = self._plan()

    def admit(self, storage: Storage) -> Plan:
        """Return the plan for an input stored in this way and all inputs after it; raises UsageError."""
        joined = self._storage.join(storage)
        if joined != self._storage:
            self._storage = joined
            self.plan = self._plan()
        return self.plan

    def needs(self, threads: int, chunk_bytes: int) -> dict[str, int]:
        """Return what a run needs with this many threads and chunks of this size: bytes, by their purpose."""
        settings, storage, rows = self._settings, self._storage, self._rows
        keep, checks, saves = overlap(settings.counted), settings.check_order, settings.checkpoint is not None
        thread = max((PER_BYTE_TIMES if checks else PER_BYTE) * chunk_bytes, LONG_RECORD)
        per_close = 0 if settings.group_by else PER_CLOSE + PER_CLOSE_SAVED * saves
        group = 2 * GroupState(settings.counted).row_bytes + MIB + PIECE * saves if settings.group_by else 0
        row = PER_ROW + PER_ROW_SIGNAL * len(settings.counted)
        needs = {
            "Python and numpy": PYTHON,
            "pyarrow": PYARROW * (storage.by_pyarrow or rows or checks),
            f"{threads} thread{'s' * (threads > 1)}": threads * thread * storage.text,
            "unpacking": storage.unpack_bytes,
            "what is read of columns at once": TABLE * storage.columnar,
            f"windows of {keep + 1:,} rows": keep * per_close,
            _GROUPS: group * self._states,
            "rows out": (ROW_FILE + (chunk_bytes // SHORTEST_ROW + keep) * row) * rows,
        }
        return {purpose: size for purpose, size in needs.items() if size}

    @property
    def _states(self) -> int:
        return STATES if self._several or self._storage.archive else 1

    @property
    def _shortest(self) -> int:
        return min(SMALLEST_CHUNK, self._settings.chunk_bytes)

    def _plan(self) -> Plan:
        settings, limit = self._settings, self._settings.memory_limit
        if limit is None:
            size = settings.chunk_bytes
            is_modest = self._rows or settings.check_order
            return Plan(settings.thread_count, min(MODEST_CHUNK, size) if is_modest else size)
        # a number of threads that was set is used or refused
        for threads in [settings.threads] if settings.threads else range(settings.thread_count, 0, -1):
            least = self.needs(threads, self._shortest)
            available = limit - sum(least.values())
            if available >= 0:
                return self._longest_chunks(threads, limit, available // 2)
        parts = ", ".join(f"{_mib(size)} MiB for {purpose}" for purpose, size in least.items() if size >= MIB)
        raise UsageError(
            f"`memory_limit={_shown(limit)}`: this needs at least {_mib(sum(least.values()))} MiB:"
            f" {parts}; raise it, or use a shorter window or fewer `threads`"
        )

    def _longest_chunks(self, threads: int, limit: int, least: int) -> Plan:
        """Return the plan with the longest chunks that leave headroom of `least` bytes.

        That is for what only reading shows: groups, long closes, dictionaries, pages.
        """

        def headroom(size: int) -> int:
            return limit - sum(self.needs(threads, size).values())

        sizes = range(self._shortest, self._settings.chunk_bytes + 1, _STEP)
        size = max(it for it in sizes if headroom(it) >= least)
        groups = self.needs(threads, size).get(_GROUPS, 0)
        closes = overlap(self._settings.counted) * (PER_CLOSE + self._rows * PER_ROW)
        return Plan(threads, size, (headroom(size) + groups) // self._states, headroom(size), closes)


def _mib(size_bytes: int) -> str:
    return f"{-(-size_bytes // MIB):,}"


def _shown(size_bytes: int) -> str:
    return repr(f"{size_bytes // MIB}MiB") if size_bytes % MIB == 0 else str(size_bytes)
