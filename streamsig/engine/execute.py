"""Calls a function on every chunk, on several threads, and yields the results in file order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from streamsig.csv.chunks import Chunk, Chunks

T = TypeVar("T")

_PATIENCE_SECONDS = 0.2


def map_in_order(call: Callable[[Chunk], T], chunks: Chunks, threads: int) -> Generator[T, None, None]:
    """Yield `call(chunk)` for each chunk, in order; an error of a call, or in reading, is raised in its turn.

    With one thread, the caller's thread does the work. With more, each thread reads its next chunk itself, so that the
    chunk is still in the cache of its core when it is parsed. At most `threads + 1` results wait, so memory is bounded.
    """
    if threads == 1:
        for chunk in chunks:
            yield call(chunk)
            chunks.release(chunk)
        return
    crew = _Crew(call, chunks, threads)
    try:
        yield from crew.results()
    finally:
        crew.dismiss()


class _Crew(Generic[T]):
    """Threads that take chunks in turn; their results come in the order of the chunks."""

    def __init__(self, call: Callable[[Chunk], T], chunks: Chunks, threads: int) -> None:
        self._call, self._chunks = call, chunks
        self._source = iter(chunks)
        self._turn = threading.Lock()
        self._capacity = threading.Semaphore(threads + 1)
        self._dismissed = False
        # results in file order; `None` is the end of the chunks
        self._awaited: deque[Future[T | None]] = deque()
        self._results_awaited = threading.Semaphore(0)
        # daemons: a thread that waits for a pipe must not block the exit of the program
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def results(self) -> Generator[T, None, None]:
        while True:
            self._results_awaited.acquire()
            result = self._awaited.popleft().result()
            if result is None:
                return
            yield result
            del result
            self._capacity.release()

    def dismiss(self) -> None:
        """Let all threads end after their current chunk; abandon one that waits for a pipe."""
        self._dismissed = True
        for _ in self._threads:
            self._capacity.release()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)

    def _work(self) -> None:
        while True:
            self._capacity.acquire()
            with self._turn:
                if self._dismissed:
                    return
                future: Future[T | None] = Future()
                self._awaited.append(future)
                self._results_awaited.release()
                try:
                    chunk = next(self._source, None)
                except BaseException as error:  # noqa: BLE001 (raised again in its turn)
                    self._dismissed = True
                    future.set_exception(error)
                    return
                if chunk is None:
                    self._dismissed = True
                    future.set_result(None)
                    self._capacity.release()
                    return
            try:
                result = self._call(chunk)
            except BaseException as error:  # noqa: BLE001 (raised again in its turn)
                future.set_exception(error)
                self._dismissed = True
                return
            self._chunks.release(chunk)
            future.set_result(result)
