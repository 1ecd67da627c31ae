"""Hands items from one thread to another."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosedError(BaseException):
    """Nobody takes items any more; not an `Exception`, so that nothing on the way up takes it for a failure."""


class Channel(Generic[T]):
    """Items in order, at most `capacity` of which wait to be taken."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> None:
        """Add an item as soon as there is capacity; raises ChannelClosedError, also while it waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._capacity)
            self.check()
            self._waiting.append(item)
            self._changed.notify_all()

    def take(self) -> T:
        """Return the next item as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            item = self._waiting.popleft()
            self._changed.notify_all()
            return item

    def check(self) -> None:
        """Raise ChannelClosedError where nobody takes items any more."""
        if self._closed:
            raise ChannelClosedError

    def close(self) -> None:
        """Take no more items."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
