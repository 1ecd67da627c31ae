"""The exceptions, as one tree.

    StreamsigError
      UsageError      invalid flags or settings (exit code 2)
        ConfigError     invalid contents of a config file
        CheckpointError a checkpoint that does not match the run
      SourceError     the input cannot be opened or read to its end (3)
      LayoutError     the input can be read, but its layout is not clear (4)
      BadRowError     one record of the input is malformed (4)
      ColumnError     one value of an array or a frame is not a close (4)
      OutputError     a result cannot be written (5)

Every message is one line: what failed, where, the text there, and what to do.
`cli` returns `exit_code`, and `inspect` reports it. Every error can be pickled, so a worker can raise it in the process
that waits for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

EXIT_CODES = {
    0: "success",
    1: "unexpected: out of memory, or a bug in streamsig",
    2: "invalid flags or config",
    3: "an input is missing, unreadable, damaged or cut off",
    4: "an input is not understood, or has a bad row",
    5: "an output cannot be written",
    130: "interrupted (Ctrl-C, SIGINT)",
    143: "terminated (SIGTERM)",
}
"""Every exit code of the program, and its meaning."""


class StreamsigError(Exception):
    """The base of all errors that a caller can act on; `str(error)` is one line."""

    exit_code = 1


class UsageError(StreamsigError):
    """A flag, a setting, or a combination of them is invalid."""

    exit_code = 2


class ConfigError(UsageError):
    """A config file is missing, is not YAML, or has a key or value that is not allowed."""


class CheckpointError(UsageError):
    """A checkpoint has other settings or inputs, or is damaged; the message says how to continue."""


class SourceError(StreamsigError):
    """An input cannot be opened or read to its end: it is missing or truncated, or there was an I/O error."""

    exit_code = 3


class LayoutError(StreamsigError):
    """The layout of an input is not clear; the message names the setting that decides."""

    exit_code = 4


class BadRow(NamedTuple):
    """The parts of the message of a BadRowError."""

    line: int
    column: str
    text: str
    reason: str
    advice: str


class BadRowError(StreamsigError):
    """A record is malformed, or its close is not a number.

    `line` is the physical line on which the record starts, counted from 1. `column` names the field, `text` is
    its text (shortened), and `reason` says what is wrong with it.
    """

    exit_code = 4

    def __init__(self, name: str, row: BadRow) -> None:
        self.name = name
        self.line, self.column, self.text, self.reason, self.advice = row
        super().__init__(f"{name}, line {row.line}, {row.column}: {row.reason}: {row.text}; {row.advice}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the parts: the default would pass the message as the only argument."""
        row = BadRow(self.line, self.column, self.text, self.reason, self.advice)
        return type(self), (self.name, row), self.__dict__


class ColumnError(StreamsigError, ValueError):
    """A value of an array or a frame is not a close: it is infinite, a word, or has more than 38 digits.

    `row` counts from 0 at the start of the array or frame. `text` is the value, quoted and shortened for a message.
    `advice` says what to do; it is "" if the advice for most bad rows applies.
    """

    exit_code = 4

    def __init__(self, row: int, text: str, reason: str, advice: str = "") -> None:
        self.row, self.text, self.reason, self.advice = row, text, reason, advice
        super().__init__(f"the value at index {row} is not a close: {reason}: {text}" + (advice and f"; {advice}"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the parts, as BadRowError does."""
        return type(self), (self.row, self.text, self.reason, self.advice), self.__dict__


class OutputError(StreamsigError):
    """A result or a log cannot be written."""

    exit_code = 5
