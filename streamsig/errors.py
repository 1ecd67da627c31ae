"""Everything that may go wrong, as one tree.

    StreamsigError
      UsageError      invalid flags or settings (exit code 2)
        ConfigError     the same, found in a config file
        CheckpointError a checkpoint that the run cannot resume from
      SourceError     the input cannot be opened or read to its end (3)
      LayoutError     the input can be read, but not understood without being told (4)
      BadRowError     one record of the input is not what it should be (4)
      ColumnError     one value of an array or a frame is not a close (4)
      OutputError     a result cannot be written (5)

Every message is one line that says what failed, where, what was found there and what to do.
`commands` turn `exit_code` into the exit code of the program; nothing else reads it.
Every error survives pickle, so that a worker can raise it in the process that waits for it.
"""

from __future__ import annotations

from typing import Any

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
    """Base of all errors a caller can act on; `str(error)` is one line for a person."""

    exit_code = 1


class UsageError(StreamsigError):
    """A flag, a setting or a combination of them that cannot be honoured."""

    exit_code = 2


class ConfigError(UsageError):
    """A config file that is missing, is not YAML, or holds a key or value that is not allowed."""


class CheckpointError(UsageError):
    """A checkpoint of other settings or inputs, or one that is damaged; the message names the way out."""


class SourceError(StreamsigError):
    """An input that cannot be opened, or not be read to its end (missing, truncated, an I/O error)."""

    exit_code = 3


class LayoutError(StreamsigError):
    """An input whose layout cannot be told for sure; the message names the flag that settles it."""

    exit_code = 4


class BadRowError(StreamsigError):
    """One record that is not what it should be.

    `line` is the physical line, counted from 1, on which the record starts; `column` names the
    field, `text` is what was found there (shortened), `reason` says what is wrong with it.
    """

    exit_code = 4

    def __init__(  # noqa: PLR0913, PLR0917 (each a part of the message)
        self, name: str, line: int, column: str, text: str, reason: str, advice: str
    ) -> None:
        self.name, self.line, self.column, self.text, self.reason = name, line, column, text, reason
        self.advice = advice
        super().__init__(f"{name}, line {line}, {column}: {reason}: {text}; {advice}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the parts: the default would pass the message as the only argument."""
        parts = (self.name, self.line, self.column, self.text, self.reason, self.advice)
        return type(self), parts, self.__dict__


class ColumnError(StreamsigError, ValueError):
    """A value of an array or a frame that is not a close: infinite, a word, more than 38 digits.

    `row` counts from 0 at the start of the array or frame, `text` is the value, quoted and shortened for a message.
    `advice` says what to do about it, "" where that is the same as for most bad rows.
    """

    exit_code = 4

    def __init__(self, row: int, text: str, reason: str, advice: str = "") -> None:
        self.row, self.text, self.reason, self.advice = row, text, reason, advice
        super().__init__(f"the value at index {row} is no close: {reason}: {text}" + (advice and f"; {advice}"))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the parts, as BadRowError does."""
        return type(self), (self.row, self.text, self.reason, self.advice), self.__dict__


class OutputError(StreamsigError):
    """A result, a log or a report that cannot be written."""

    exit_code = 5
