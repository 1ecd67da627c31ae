"""The settings of a run: one table, from which config keys, flags, checks and help texts derive."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.signals import MAX_FACTOR, Signal
from streamsig.errors import UsageError
from streamsig.machine import available_cores
from streamsig.settings.types import (
    CODEC,
    COLUMN,
    COLUMNS,
    DELIMITER,
    PATH,
    SIGNALS,
    SIZE,
    TEXT,
    TEXTS,
    THOUSANDS,
    YES_NO,
    Kind,
    choice,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Setting(NamedTuple):
    """A setting as a key of the config file; it also has a flag if `help` is not empty."""

    key: str
    kind: Kind
    group: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        """The flag's name."""
        return "--" + ("signal" if self.kind is SIGNALS else self.key.replace("_", "-"))

    @property
    def repeats(self) -> bool:
        """Whether the flag may be given several times, with one value each."""
        return self.kind in (TEXTS, SIGNALS, COLUMNS)


INPUT, LAYOUT, SERIES, OUTPUT, LIMITS = "input", "layout", "signals and series", "output", "limits and checkpoints"
"""Groups of settings, in the order of the help text."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run.

    `signals`, pairs of name and signal, replace `window`. `threads` is `None` for as many as this process may use.
    `memory_limit` is in bytes. `column` is a header name or a field number from 1. Settings of the layout that are
    `None` are detected.
    """

    seed: int = 42
    window: int = 5
    version: str = "v1"
    signals: tuple[tuple[str, Signal], ...] = ()
    column: str | int | None = None
    delimiter: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    order: str = "file"
    on_bad_row: str = "fail"
    check_order: bool = False
    per_file: bool = False
    group_by: tuple[str | int, ...] = ()
    checkpoint: str | None = None
    fresh: bool = False
    finished: bool = False
    threads: int | None = None
    memory_limit: int | None = None

    @property
    def counted(self) -> tuple[Signal, ...]:
        """The signals to count: the named ones, or else the close above the mean of `window` closes."""
        return tuple(signal for _, signal in self.signals) or (Signal(1, self.window),)

    def as_json(self) -> dict[str, Any]:
        """Return every setting by its key, as JSON; `threads` is the number that will run."""
        plain = {key: getattr(self, key) for key in SETTINGS}
        plain["signals"] = {name: asdict(signal) for name, signal in self.signals}
        return {**plain, "threads": self.thread_count}

    @property
    def thread_count(self) -> int:
        """How many threads parse."""
        return self.threads or available_cores()


_SEED = whole(-(2**63), 2**64 - 1, "a whole number of 64 bits")
_WINDOW = whole(1, MAX_FACTOR, f"a whole number from 1 to {MAX_FACTOR}")
_LINES = whole(0, 10**6, "a whole number from 0")
_THREADS = whole(1, 1024, "a whole number from 1 to 1024")
_MARK = choice(".", ",")
_ORDER, _BAD_ROW = choice("file", "newest-first"), choice("fail", "skip")

# fmt: off
_TABLE = (
    ("seed", _SEED, OUTPUT, "N", "Copy N to the metrics; it does not change the count (default 42)."),
    ("window", _WINDOW, SERIES, "N", "Compare each close with the mean of the last N closes (default 5)."),
    ("version", TEXT, OUTPUT, "", ""),
    ("signals", SIGNALS, SERIES, "NAME=FAST:SLOW[:COMPARE]",
     "Compare the means of the last FAST and SLOW closes, in place of --window; can be repeated."),
    ("column", COLUMN, LAYOUT, "NAME|N",
     "Read closes from this column: a header name, or a field number from 1 (default: detected)."),
    ("delimiter", DELIMITER, LAYOUT, "CHAR", "Split fields at this character, such as ; or tab (default: detected)."),
    ("header", YES_NO, LAYOUT, "", "Read column names from the first row, or do not (default: detected)."),
    ("skip_lines", _LINES, LAYOUT, "N", "Skip N lines above the header or first row (default: detected)."),
    ("encoding", CODEC, LAYOUT, "NAME", "Decode the text with this encoding, such as cp1252 (default: detected)."),
    ("decimal", _MARK, LAYOUT, ".|,", "Read this character as the decimal mark (default: detected)."),
    ("thousands", THOUSANDS, LAYOUT, "CHAR",
     "Read this character as the thousands separator, or none (default: detected)."),
    ("missing", TEXTS, LAYOUT, "TEXT", "Also read this text as a missing close, like NaN or null; can be repeated."),
    ("order", _ORDER, SERIES, "file|newest-first",
     "Let each window reach back in the file, or forward where rows run from newest to oldest (default file)."),
    ("on_bad_row", _BAD_ROW, INPUT, "fail|skip",
     "Stop at a bad row, or leave it out and count it as rejected (default fail)."),
    ("check_order", YES_NO, INPUT, "", "Read the time of every row, and report steps back, duplicates and gaps."),
    ("per_file", YES_NO, SERIES, "", "Count each input as a separate series (default: all are one series)."),
    ("group_by", COLUMNS, SERIES, "NAME|N", "Count each value of this column as a separate series; can be repeated."),
    ("checkpoint", PATH, LIMITS, "FILE", "Save progress to FILE every few seconds, and resume from it."),
    ("fresh", YES_NO, LIMITS, "", "Ignore the checkpoint, and start over."),
    ("finished", YES_NO, LIMITS, "", "Also count last rows that a checkpoint leaves for a growing input."),
    ("threads", _THREADS, LIMITS, "N", "Parse on N threads (default: all cores)."),
    ("memory_limit", SIZE, LIMITS, "SIZE",
     "Keep memory below SIZE, such as 256MiB, and refuse a run that needs more (default: no limit)."),
)
# fmt: on

SETTINGS = {row[0]: Setting(*row) for row in _TABLE}
"""Every setting by its key, in the order of `Settings`."""

REQUIRED = ("seed", "window", "version")
"""The keys that a config file must have; `signals` may replace `window`."""


def make_settings(values: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of `values`, or else of a config file (`config_file.read_config`), or else the defaults.

    A value of `None` is not set. Raises UsageError with the key, its value and what is allowed.
    """
    given = {key: it for key, it in values.items() if it is not None and (it or not isinstance(it, tuple | dict))}
    for key, value in given.items():
        if key not in SETTINGS:
            raise UsageError(f"unknown setting {key!r}{nearest(key, SETTINGS)}")
        check(SETTINGS[key], value, f'setting "{key}"', UsageError)
    if {"window", "signals"} <= set(given):
        raise UsageError("both window and signals are named; window N is the signal fast 1, slow N: add it to them")
    read = {key: value for key, value in (config or {}).items() if key != "signals" or "window" not in given}
    both = {key: value for key, value in {**read, **given}.items() if value is not None}
    chosen: dict[str, Any] = {key: SETTINGS[key].kind.plain(value) for key, value in both.items()}
    settings = Settings(**chosen)
    if settings.decimal is not None and settings.decimal == settings.thousands:
        raise UsageError(f'decimal mark and thousands separator are both "{settings.decimal}"; they must differ')
    if settings.check_order and settings.group_by:
        raise UsageError("`check_order` compares rows of all groups with one another; leave out `group_by`")
    if settings.checkpoint is None and (settings.fresh or settings.finished):
        raise UsageError("`fresh` and `finished` need a checkpoint; name one with `checkpoint=FILE`")
    return settings


def check(setting: Setting, value: object, place: str, error: type[UsageError]) -> None:
    """Raise `error`, which begins with `place`, for a value that a setting cannot have."""
    if not setting.kind.accepts(value):
        raise error(f"{place} must be {setting.kind.allowed}, found {describe(value)}")


def describe(value: object) -> str:
    """Return a value of a config file for a message."""
    kinds = {bool: "yes or no", str: "a text", float: "a fraction", dict: "keys and values", list: "a list"}
    kind = f" ({kinds[type(value)]})" if type(value) in kinds else ""
    return "nothing" if value is None else f"{value!r:.80}{kind}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion for an unknown name, or "" if no known name is similar."""
    close = difflib.get_close_matches(name[:80].lower(), known, n=1)
    return f', did you mean "{close[0]}"?' if close else ""
