"""SIGINT and SIGTERM as exceptions that end a run in order."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ECHO_SECONDS = 1.0
"""Signals this soon after one another are one wish: a terminal and a parent process often both send it."""


class Interrupted(BaseException):
    """SIGINT has arrived. Not KeyboardInterrupt: Python kills itself at the end for one that it saw dropped."""


class Terminated(BaseException):
    """SIGTERM has arrived."""


class Stopping:
    """Raises Interrupted or Terminated when a signal arrives, from `begin` until `finish` is called.

    Before that a signal is only noted: imports are no place to raise in.
    In code that cannot raise, such as the callbacks of the import machinery, Python drops the exception
    with a traceback. There the traceback is left out, and `check`, called now and then, raises it again.
    """

    def __init__(self) -> None:
        self._wish: type[BaseException] | None = None
        self._quiet_until = 0.0
        self._begun = False

    def listen(self) -> None:
        """Take the signals, but for those that we were started to ignore, as by `nohup`."""
        sys.unraisablehook = self._dropped
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._catch)

    def begin(self) -> None:
        """Raise what has been asked for so far, and from here on what is asked for, at once."""
        self._begun = True
        self.check()

    def check(self) -> None:
        """Raise what a signal has asked for before, if one has."""
        if self._wish is not None and self._begun:
            raise self._wish

    def finish(self) -> None:
        """Let no further signal break into what the first one has us write.

        Not by SIG_IGN: Python complains of a signal that is pending when its handler goes.
        """
        self._quiet_until = float("inf")

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _ECHO_SECONDS
            self._wish = Interrupted if number == signal.SIGINT else Terminated
            if self._begun:
                raise self._wish

    def _dropped(self, what: sys.UnraisableHookArgs) -> None:
        # a file that was just being opened has nobody to close it: Python does, and warns
        expected = {Interrupted, Terminated} | ({ResourceWarning} if self._wish else set())
        if what.exc_type not in expected:
            sys.__unraisablehook__(what)
