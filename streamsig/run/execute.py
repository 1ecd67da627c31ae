"""Calls a function on every segment, on several threads, and hands out what it returns in file order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future

    from streamsig.ingest.segments import Segment, Segments

T = TypeVar("T")


def map_in_order(call: Callable[[Segment], T], segments: Segments, threads: int) -> Generator[T, None, None]:
    """Yield `call(segment)` for each segment, in order; an error of a call is raised in its turn.

    One thread is the caller's own. With more, at most one segment more than threads is under way, so
    memory is bounded. A segment's buffer is recycled once its result has been used.
    """
    if threads == 1:
        for segment in segments:
            yield call(segment)
            segments.release(segment)
        return
    pool = ThreadPoolExecutor(threads, "streamsig-parse")
    pending: deque[tuple[Segment, Future[T]]] = deque()
    try:
        for segment in segments:
            pending.append((segment, pool.submit(call, segment)))
            if len(pending) > threads:
                done, future = pending.popleft()
                yield future.result()
                segments.release(done)
        while pending:
            yield pending.popleft()[1].result()
    finally:
        pool.shutdown(cancel_futures=True)
