"""Calls a function on every chunk or other item, on several threads, and yields the results in file order."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Item = TypeVar("Item")
T = TypeVar("T")

_JOIN_TIMEOUT_SECONDS = 0.2


def map_in_order(
    call: Callable[[Item], T], items: Iterable[Item], threads: int, release: Callable[[Item], None] = lambda _: None
) -> Generator[T, None, None]:
    """Yield `call(item)` for each item, in order; an error of a call, or in reading, is raised in its turn.

    With one thread, the caller's thread does the work. With more, each thread reads its next item itself, so that a
    chunk is still in the cache of its core when it is parsed. At most `threads + 1` results wait, so memory is bounded.
    Each item is released after its call.
    """
    if threads == 1:
        for item in items:
            yield call(item)
            release(item)
        return
    pool = _WorkerPool(call, items, threads, release)
    try:
        yield from pool.results()
    finally:
        pool.shutdown()


class _WorkerPool(Generic[Item, T]):
    """Threads that take items in turn; their results come in the order of the items."""

    def __init__(
        self, call: Callable[[Item], T], items: Iterable[Item], threads: int, release: Callable[[Item], None]
    ) -> None:
        self._call, self._release = call, release
        self._source = iter(items)
        self._turn = threading.Lock()
        self._capacity = threading.Semaphore(threads + 1)
        self._is_shut_down = False
        # a queue of one result for each item, in file order; `None` is the end of the items
        self._results: SimpleQueue[SimpleQueue[T | BaseException | None]] = SimpleQueue()
        # daemons: a thread that waits for a pipe must not block the exit of the program
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def results(self) -> Generator[T, None, None]:
        while (result := self._results.get().get()) is not None:
            if isinstance(result, BaseException):
                raise result
            yield result
            del result
            self._capacity.release()

    def shutdown(self) -> None:
        """Let all threads end after their current item; abandon one that waits for a pipe."""
        self._is_shut_down = True
        for _ in self._threads:
            self._capacity.release()
        for thread in self._threads:
            thread.join(_JOIN_TIMEOUT_SECONDS)

    def _work(self) -> None:
        while True:
            self._capacity.acquire()
            with self._turn:
                if self._is_shut_down:
                    return
                ours: SimpleQueue[T | BaseException | None] = SimpleQueue()
                self._results.put(ours)
                try:
                    item = next(self._source, None)
                except BaseException as error:  # noqa: BLE001 (raised again in its turn)
                    self._is_shut_down = True
                    ours.put(error)
                    return
                if item is None:
                    self._is_shut_down = True
                    ours.put(None)
                    self._capacity.release()
                    return
            try:
                result = self._call(item)
            except BaseException as error:  # noqa: BLE001 (raised again in its turn)
                ours.put(error)
                self._is_shut_down = True
                return
            self._release(item)
            ours.put(result)
