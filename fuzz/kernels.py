"""The laws of the kernels by themselves: they touch nothing but what is theirs."""

from __future__ import annotations

import contextlib

import numpy as np

from fuzz.choices import Choices
from fuzz.guard import guarded_kernels
from streamsig import native

_HEAD = 2


def kernels(data: bytes) -> None:
    """No kernel that reads a text reads or writes beyond its arrays."""
    if len(data) < _HEAD:
        return
    width, scale, text = 1 + data[0] % 4, data[1] % (native.MAX_SCALE + 1), data[_HEAD:] + b"\n"
    with guarded_kernels():
        room = np.zeros(len(text) + native.SPARE, np.int32)
        found = native.find_fields(np.frombuffer(text, np.uint8), ",", room)
        if found.strange or found.records * width != len(found.ends) - 1:
            return
        for field in range(width):
            native.read_numbers(found, width, field, mark=".", scale=scale)
            native.copy_texts(found, width, field)


def doors(data: bytes) -> None:
    """Numbers that do not go together are refused before a kernel sees them, and any others do no harm."""
    pick = Choices(data)
    with guarded_kernels():
        while pick:
            with contextlib.suppress(ValueError):
                (_door_of_signals if pick.below(2) else _door_of_groups)(pick)


def _door_of_signals(pick: Choices) -> None:
    rows, many = pick.below(40), pick.below(4)
    rules = np.stack([_numbers(pick, many, limit) for limit in (8, 8, 2, 2)], axis=1)
    bounds = [_numbers(pick, many, rows + 2) for _ in range(2)]
    native.count_signals(np.arange(rows), _missing(pick, rows), rules, *bounds)


def _door_of_groups(pick: Choices) -> None:
    groups, reach, words, many, rows = (pick.below(limit) for limit in (4, 6, 10, 4, 20))
    arrays = native.GroupArrays.empty(1 + groups, 1 + reach, words, many)
    rules, places = _numbers(pick, many * 8, reach + 2).reshape(many, 8), _numbers(pick, rows, groups + 1)
    closes = np.ones((rows, words), np.int64)
    for _ in range(2):
        native.count_groups(places.astype(np.int32), closes, _missing(pick, rows), rules, arrays)


def _missing(pick: Choices, rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    return np.array([pick.below(2) for _ in range(rows)], np.bool_) if pick.below(2) else None


def _numbers(pick: Choices, size: int, limit: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Choose numbers from 0 to below a limit, seldom some near it, and one in a while absurd ones."""
    return np.array([_number(pick, limit) for _ in range(size)], np.int64)


def _number(pick: Choices, limit: int) -> int:
    kind = pick.below(256)
    if kind == 255:  # noqa: PLR2004 (hardly ever)
        return int.from_bytes(pick.take(8), "little", signed=True)
    return pick.below(limit + 4) - 2 if kind > 230 else kind % limit  # noqa: PLR2004
