"""The settings of a run: one table, from which config keys, flags, checks and help texts derive."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from streamsig.core.signals import MAX_FACTOR, Signal
from streamsig.errors import UsageError
from streamsig.machine import available_cores
from streamsig.settings.types import (
    CODEC,
    COLUMN,
    COLUMNS,
    DELIMITER,
    NOT_ALLOWED,
    PATH,
    SIGNALS,
    SIZE,
    TEXT,
    TEXTS,
    THOUSANDS,
    YES_NO,
    Kind,
    choice,
    integer_kind,
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

NEWEST_FIRST, SKIP = "newest-first", "skip"
"""Values of `order`, for rows that run from newest to oldest, and of `on_bad_row`, which leaves bad rows out."""


def _setting(*about: Any, default: Any = None) -> Any:  # noqa: ANN401 (the type of the field)
    """Return the default of a field of `Settings`; `about` is the rest of its `Setting`."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Settings:
    """The settings of a run, each with its default, kind, group, metavar and help.

    `signals`, pairs of name and signal, replace `window`. `threads` is `None` for as many as this process may use.
    `memory_limit` is in bytes. `column` is a header name or a field number from 1. Settings of the layout that are
    `None` are detected. The sizes of a chunk and of the sample for detection do not change the count, so they are
    neither flags nor config keys.
    """

    # fmt: off
    seed: int = _setting(integer_kind(-(2**63), 2**64 - 1, "a whole number of 64 bits"), OUTPUT, "N",
        "Copy N to the metrics; it does not change the count (default 42).", default=42)
    window: int = _setting(integer_kind(1, MAX_FACTOR, f"a whole number from 1 to {MAX_FACTOR}"), SERIES, "N",
        "Compare each close with the mean of the last N closes (default 5).", default=5)
    version: str = _setting(TEXT, OUTPUT, "", "", default="v1")
    signals: tuple[tuple[str, Signal], ...] = _setting(SIGNALS, SERIES, "NAME=FAST:SLOW[:COMPARE]",
        "Compare the means of the last FAST and SLOW closes, in place of --window; can be repeated.", default=())
    column: str | int | None = _setting(COLUMN, LAYOUT, "NAME|N",
        "Read closes from this column: a header name, or a field number from 1 (default: detected).")
    delimiter: str | None = _setting(DELIMITER, LAYOUT, "CHAR",
        "Split fields at this character, such as ; or tab (default: detected).")
    header: bool | None = _setting(YES_NO, LAYOUT, "",
        "Read column names from the first row, or do not (default: detected).")
    skip_lines: int | None = _setting(integer_kind(0, 10**6, "a whole number from 0"), LAYOUT, "N",
        "Skip N lines above the header or first row (default: detected).")
    encoding: str | None = _setting(CODEC, LAYOUT, "NAME",
        "Decode the text with this encoding, such as cp1252 (default: detected).")
    decimal: str | None = _setting(choice(".", ","), LAYOUT, ".|,",
        "Read this character as the decimal mark (default: detected).")
    thousands: str | None = _setting(THOUSANDS, LAYOUT, "CHAR",
        "Read this character as the thousands separator, or none (default: detected).")
    missing: tuple[str, ...] = _setting(TEXTS, LAYOUT, "TEXT",
        "Also read this text as a missing close, like NaN or null; can be repeated.", default=())
    order: str = _setting(choice("file", NEWEST_FIRST), SERIES, "file|newest-first",
        "Let each window reach back in the file, or forward where rows run from newest to oldest (default file).",
        default="file")
    on_bad_row: str = _setting(choice("fail", SKIP), INPUT, "fail|skip",
        "Stop at a bad row, or leave it out and count it as rejected (default fail).", default="fail")
    check_order: bool = _setting(YES_NO, INPUT, "",
        "Read the time of every row, and report steps back, duplicates and gaps.", default=False)
    per_file: bool = _setting(YES_NO, SERIES, "",
        "Count each input as a separate series (default: all are one series).", default=False)
    group_by: tuple[str | int, ...] = _setting(COLUMNS, SERIES, "NAME|N",
        "Count each value of this column as a separate series; can be repeated.", default=())
    rows_means: str = _setting(choice("all", "none"), OUTPUT, "all|none",
        "Emit rows with the two means that each signal compares, or without (default all).", default="all")
    checkpoint: str | None = _setting(PATH, LIMITS, "FILE",
        "Save progress to FILE every few seconds, and resume from it.")
    fresh: bool = _setting(YES_NO, LIMITS, "", "Ignore the checkpoint, and start over.", default=False)
    finished: bool = _setting(YES_NO, LIMITS, "",
        "Also count last rows that a checkpoint leaves for a growing input.", default=False)
    threads: int | None = _setting(integer_kind(1, 1024, "a whole number from 1 to 1024"), LIMITS, "N",
        "Parse on N threads (default: all cores).")
    memory_limit: int | None = _setting(SIZE, LIMITS, "SIZE",
        "Keep memory below SIZE, such as 256MiB, and refuse a run that needs more (default: no limit).")
    # fmt: on

    chunk_bytes: int = 2 << 20
    """Long enough that its overhead is negligible, short enough that the chunks in flight stay in or near cache."""
    sample_bytes: int = 256 << 10

    @property
    def named_signals(self) -> tuple[tuple[str, Signal], ...]:
        """The signals to count: `signals`, or else "signal", the close above the mean of `window` closes."""
        return self.signals or (("signal", Signal(1, self.window)),)

    @property
    def counted(self) -> tuple[Signal, ...]:
        """The signals to count, without their names."""
        return tuple(signal for _, signal in self.named_signals)

    @property
    def has_means(self) -> bool:
        """Whether rows have the means that signals compare."""
        return self.rows_means == "all"

    def as_json(self) -> dict[str, Any]:
        """Return every setting by its key, as JSON."""
        plain = {key: getattr(self, key) for key in SETTINGS}
        plain["signals"] = {name: asdict(signal) for name, signal in self.signals}
        return plain

    @property
    def thread_count(self) -> int:
        """How many threads parse."""
        return self.threads or available_cores()


SETTINGS = {each.name: Setting(each.name, *each.metadata["about"]) for each in fields(Settings) if each.metadata}
"""Every setting by its key, in the order of `Settings`."""


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Return the settings of keyword arguments; `None`, `()` and `{}` are not set. Raises UsageError."""
    given = {key: it for key, it in values.items() if it is not None and (it or not isinstance(it, tuple | dict))}
    return combine(convert(given, "setting"))


def convert(values: Mapping[Any, Any], noun: str) -> dict[str, Any]:
    """Return values as `Settings` has them; raises UsageError with `noun`, the key, its value and what is allowed."""
    converted = {}
    for key, value in values.items():
        if key not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise UsageError(f'unknown {noun} "{key!s:.80}"{nearest(str(key), SETTINGS)}; the {noun}s are {known}')
        kind = SETTINGS[key].kind
        try:
            converted[key] = kind.convert(value)
        except NOT_ALLOWED as error:
            raise UsageError(f'{noun} "{key}" must be {kind.allowed}, found {describe(value)}') from error
    return converted


def combine(values: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of converted `values`, or else of a config file, or else the defaults; raises UsageError."""
    if {"window", "signals"} <= set(values):
        raise UsageError("both window and signals are named; window N is the signal fast 1, slow N: add it to them")
    read = {key: value for key, value in (config or {}).items() if key != "signals" or "window" not in values}
    settings = Settings(**{**read, **values})
    if settings.decimal is not None and settings.decimal == settings.thousands:
        raise UsageError(f'decimal mark and thousands separator are both "{settings.decimal}"; they must differ')
    if settings.check_order and settings.group_by:
        raise UsageError("`check_order` compares rows of all groups with one another; leave out `group_by`")
    if settings.checkpoint is None and (settings.fresh or settings.finished):
        raise UsageError("`fresh` and `finished` need a checkpoint; name one with `checkpoint=FILE`")
    return settings


def describe(value: object) -> str:
    """Return a value of a config file for a message."""
    kinds = {bool: "yes or no", str: "a text", float: "a fraction", dict: "keys and values", list: "a list"}
    kind = f" ({kinds[type(value)]})" if type(value) in kinds else ""
    return "nothing" if value is None else f"{value!r:.80}{kind}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion for an unknown name, or "" if no known name is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 (only for errors)

    close = get_close_matches(name[:80].lower(), known, n=1)
    return f', did you mean "{close[0]}"?' if close else ""
