"""SIGINT and SIGTERM: the first one asks the program to stop, a second one ends it at once."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ECHO_SECONDS = 1.0
"""Signals this soon after one another are one request: a terminal and a parent process often both send it."""


class Interrupted(BaseException):
    """SIGINT has arrived. Not KeyboardInterrupt: if that is swallowed, Python still ends with SIGINT at exit."""


class Terminated(BaseException):
    """SIGTERM has arrived."""


class Stopping:
    """Notes the first signal, for `check` to raise; a second one raises Interrupted or Terminated where it arrives.

    After `raise_at_once` the first one does so, too.
    """

    current: ClassVar[Stopping | None] = None
    """The one that listens to the signals of this process."""

    def __init__(self) -> None:
        self._request: type[BaseException] | None = None
        self._quiet_until = 0.0
        self._raises_at_once = False
        # readable once a signal has arrived; not on Windows
        self._wake_up: tuple[int, int] | None = None

    def listen(self) -> None:
        """Handle the signals, except those that the program was started to ignore, as by `nohup`."""
        Stopping.current = self
        if hasattr(select, "poll"):
            self._wake_up = os.pipe()
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._catch)

    def check(self) -> None:
        """Raise Interrupted or Terminated if a signal has arrived."""
        if self._request is not None:
            raise self._request

    def raise_at_once(self) -> None:
        """Raise as `check` does. From now on a signal raises at once: there is no state left to lose."""
        self._raises_at_once = True
        self.check()

    def finish(self) -> None:
        """Let no further signal interrupt the report of how the run ended.

        Not by SIG_IGN: Python complains about a signal that is pending when its handler is removed.
        """
        self._quiet_until = float("inf")

    def wait_readable(self, descriptor: int) -> None:
        """Return when a pipe has bytes, or has ended; raises at once if a signal arrives."""
        self.check()
        if self._wake_up is not None:
            _poll(descriptor, self._wake_up[0])
            self.check()

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now < self._quiet_until:
            return
        self._quiet_until = now + _ECHO_SECONDS
        raises = self._raises_at_once or self._request is not None
        self._request = Interrupted if number == signal.SIGINT else Terminated
        if self._wake_up is not None and not raises:
            os.write(self._wake_up[1], b"\0")
        if raises:
            raise self._request


def check_stop() -> None:
    """Raise Interrupted or Terminated if a signal has asked the program to stop.

    Does nothing unless `Stopping.listen` was called, as by the command line.
    """
    if Stopping.current is not None:
        Stopping.current.check()


def wait_readable(descriptor: int) -> None:
    """Return when a pipe has bytes, or has ended; raises as `check_stop` does, at once."""
    if Stopping.current is not None:
        Stopping.current.wait_readable(descriptor)
    elif hasattr(select, "poll"):
        _poll(descriptor)


def _poll(*descriptors: int) -> None:
    waiting = select.poll()
    for each in descriptors:
        waiting.register(each, select.POLLIN)
    waiting.poll()
