"""Hands items from one thread to another."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosedError(BaseException):
    """The channel takes no more items. Not an `Exception`, so that no caller handles it as a failure."""


class Channel(Generic[T]):
    """Items in order, at most `capacity` of which wait to be taken."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> None:
        """Wait for capacity and add an item; raises ChannelClosedError if the channel is or becomes closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._capacity)
            self.check()
            self._waiting.append(item)
            self._changed.notify_all()

    def take(self) -> T:
        """Wait for the next item and return it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            item = self._waiting.popleft()
            self._changed.notify_all()
            return item

    def check(self) -> None:
        """Raise ChannelClosedError if the channel is closed."""
        if self._closed:
            raise ChannelClosedError

    def close(self) -> None:
        """Discard the waiting items and take no more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
