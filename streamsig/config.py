"""The settings of a run, from a YAML file and from flags, which override it."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Hashable
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import yaml

from streamsig.core.signals import MAX_FACTOR, Signal
from streamsig.errors import ConfigError, UsageError
from streamsig.machine import available_cores
from streamsig.os_errors import reason_of
from streamsig.setting_types import (
    CODEC,
    COLUMN,
    COLUMNS,
    DELIMITER,
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
    from pathlib import Path


_MAX_CONFIG_BYTES = 1 << 18

T = TypeVar("T")


class Setting(NamedTuple):
    """A setting as config file and command line have it; it has a flag if there is a `help` for one."""

    key: str
    kind: Kind
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        """The flag's name."""
        return "--" + ("signal" if self.kind is SIGNALS else self.key.replace("_", "-"))

    @property
    def repeats(self) -> bool:
        """Whether the flag may be given several times, each for one more."""
        return self.kind in (TEXTS, SIGNALS, COLUMNS)


def _setting(default: T, kind: Kind, metavar: str = "", help: str = "") -> T:  # noqa: A002 (as argparse has it)
    return field(default=default, metadata={"kind": kind, "metavar": metavar, "help": help})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run. Config keys, flags, checks and help texts all derive from this table.

    `signals`, pairs of name and signal, take the place of `window`. `threads` is `None` for "as many as this
    process may use". `memory_limit` is in bytes. `column` is `None` for the close, else a header name, or a field
    number that counts from 1.
    """

    seed: int = _setting(
        42,
        whole(-(2**63), 2**64 - 1, "a whole number of 64 bits"),
        "N",
        "copied to the metrics; does not change the count (default 42)",
    )
    window: int = _setting(
        5,
        whole(1, MAX_FACTOR, f"a whole number from 1 to {MAX_FACTOR}"),
        "N",
        "closes in the mean (default 5)",
    )
    version: str = _setting("v1", TEXT)
    signals: tuple[tuple[str, Signal], ...] = _setting(
        (),
        SIGNALS,
        "NAME=FAST:SLOW[:COMPARE]",
        "compare two means, in place of --window; can be repeated",
    )
    column: str | int | None = _setting(
        None,
        COLUMN,
        "NAME|N",
        "column of the close: a header name, or a field number from 1 (default: detected)",
    )
    delimiter: str | None = _setting(None, DELIMITER, "CHAR", "field separator, such as ; or tab (default: detected)")
    header: bool | None = _setting(None, YES_NO, "", "whether the first row names the columns (default: detected)")
    skip_lines: int | None = _setting(
        None, whole(0, 10**6, "a whole number from 0"), "N", "lines above the header or first row (default: detected)"
    )
    encoding: str | None = _setting(None, CODEC, "NAME", "encoding of the text, such as cp1252 (default: detected)")
    decimal: str | None = _setting(None, choice(".", ","), ".|,", "decimal mark (default: detected)")
    thousands: str | None = _setting(None, THOUSANDS, "CHAR", "thousands separator, or none (default: detected)")
    missing: tuple[str, ...] = _setting((), TEXTS, "TEXT", "another text that means a missing close; can be repeated")
    order: str = _setting(
        "file",
        choice("file", "newest-first"),
        "file|newest-first",
        "newest-first: each window covers a row and the rows after it in the file (default file)",
    )
    on_bad_row: str = _setting(
        "fail", choice("fail", "skip"), "fail|skip", "stop at a bad row, or leave it out and count it (default fail)"
    )
    check_order: bool = _setting(
        default=False, kind=YES_NO, help="also read the time of every row; report steps back, duplicates and gaps"
    )
    per_file: bool = _setting(
        default=False, kind=YES_NO, help="count each input as a separate series (default: all are one series)"
    )
    group_by: tuple[str | int, ...] = _setting(
        (), COLUMNS, "NAME|N", "count each value of this column as a separate series; can be repeated"
    )
    checkpoint: str | None = _setting(None, TEXT, "FILE", "save progress to FILE every few seconds, and resume from it")
    fresh: bool = _setting(default=False, kind=YES_NO, help="ignore the checkpoint and start over")
    finished: bool = _setting(
        default=False,
        kind=YES_NO,
        help="with a checkpoint: the input is complete; also read last rows that would wait for more",
    )
    threads: int | None = _setting(
        None, whole(1, 1024, "a whole number from 1 to 1024"), "N", "threads that parse (default: all cores)"
    )
    memory_limit: int | None = _setting(
        None, SIZE, "SIZE", "keep memory below SIZE, such as 256MiB; refuse a run that needs more (default: no limit)"
    )

    @property
    def counted(self) -> tuple[Signal, ...]:
        """The signals to count: those that are named, else the close above the mean of `window` closes."""
        return tuple(signal for _, signal in self.signals) or (Signal(1, self.window),)

    def as_json(self) -> dict[str, Any]:
        """Return every setting by its key, as a log has it: threads as many as there will be."""
        plain = {key: getattr(self, key) for key in SETTINGS}
        plain["signals"] = {name: asdict(signal) for name, signal in self.signals}
        return {**plain, "threads": self.thread_count}

    @property
    def thread_count(self) -> int:
        """How many threads parse."""
        return self.threads or available_cores()


SETTINGS = {it.name: Setting(it.name, **it.metadata) for it in fields(Settings)}
"""Every setting by its key."""

REQUIRED = ("seed", "window", "version")
"""The keys that a config file must have; `signals` stand for `window`."""


def make_settings(values: Mapping[str, Any], config: Path | None = None) -> Settings:
    """Return the settings of a config file, if one is named, with `values` over it.

    A value that is `None` was not given. Raises ConfigError or UsageError, naming the key, what was
    found and what is allowed.
    """
    given = {key: it for key, it in values.items() if it is not None and (it or not isinstance(it, tuple | dict))}
    for key, value in given.items():
        if key not in SETTINGS:
            raise UsageError(f"unknown setting {key!r}{nearest(key, SETTINGS)}")
        _check(SETTINGS[key], value, f'setting "{key}"', UsageError)
    if {"window", "signals"} <= set(given):
        raise UsageError("both window and signals are named; window N is the signal fast 1, slow N: add it to them")
    read = read_config(config) if config else {}
    if "window" in given:
        read.pop("signals", None)
    both = {key: value for key, value in {**read, **given}.items() if value is not None}
    chosen: dict[str, Any] = {key: SETTINGS[key].kind.plain(value) for key, value in both.items()}
    settings = Settings(**chosen)
    if settings.decimal is not None and settings.decimal == settings.thousands:
        raise UsageError(f'decimal mark and thousands separator are both "{settings.decimal}"; they must differ')
    if settings.check_order and settings.group_by:
        raise UsageError("check_order compares the times of rows of all groups with one another; leave out group_by")
    if settings.checkpoint is None and (settings.fresh or settings.finished):
        raise UsageError("--fresh and --finished speak of a checkpoint; name one with --checkpoint FILE")
    return settings


def values_of_flags(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the texts of flags, by setting, stand for; `None` was not given. Raises UsageError."""
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if text is not None:
            setting = SETTINGS[key]
            if setting.kind in (YES_NO, TEXTS, COLUMNS):
                values[key] = text
                continue
            for each in text if setting.repeats else [text]:
                value = _value_of(setting, each)
                if setting.repeats and set(value) & set(values.get(key, ())):
                    raise UsageError(f"{setting.flag} {next(iter(value))} is there twice; give each a name of its own")
                values[key] = {**values.get(key, {}), **value} if setting.repeats else value
    return values


def _value_of(setting: Setting, text: str) -> Any:  # noqa: ANN401 (what the setting is of)
    value: object = text
    with contextlib.suppress(ValueError):
        value = setting.kind.from_text(text)
    if not setting.kind.accepts(value):
        raise UsageError(f"{setting.flag} must be {setting.kind.allowed}, found {text!r:.80}")
    return value


def read_config(path: Path) -> dict[str, Any]:
    """Return the checked contents of a config file; raises ConfigError."""
    document = _load(path)
    if not isinstance(document, dict):
        raise ConfigError(f'{path}: expected keys and values such as "window: 5", found {_found(document)}')
    for key, value in document.items():
        if key not in SETTINGS:
            hint = nearest(str(key), SETTINGS)
            raise ConfigError(f'{path}: unknown key "{key!s:.80}"{hint}; the keys are {", ".join(SETTINGS)}')
        _check(SETTINGS[key], value, f'{path}: key "{key}"', ConfigError)
    missing = [key for key in REQUIRED if key not in document and not (key == "window" and "signals" in document)]
    if missing:
        names = ", ".join(f'"{key}"' for key in missing)
        raise ConfigError(f"{path}: missing key {names}; a config file needs {', '.join(REQUIRED)}")
    return document


_KEY = re.compile(rf"""^\s*["']?({"|".join(SETTINGS)})["']?\s*:""", re.MULTILINE)


def has_known_keys(path: Path) -> bool:
    """Tell whether a config file has a key of ours, as far as its text shows where it is no YAML.

    A file that may not be read could have one.
    """
    try:
        document = _load(path)
    except ConfigError:
        try:
            with path.open("rb") as file:
                return _KEY.search(file.read(_MAX_CONFIG_BYTES).decode("utf-8", "replace")) is not None
        except OSError as error:
            return not isinstance(error, IsADirectoryError)
    return isinstance(document, dict) and not SETTINGS.keys().isdisjoint(
        key for key in document if isinstance(key, str)
    )


def version_of(path: Path | None) -> str:
    """Return the version that a config file names, whatever else is wrong with it, else the default."""
    with contextlib.suppress(ConfigError):
        document = _load(path) if path else None
        if isinstance(document, dict) and TEXT.accepts(document.get("version")):
            return str(document["version"])
    return Settings().version


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion for a name that is not known, empty when none is near."""
    close = difflib.get_close_matches(name[:80].lower(), known, n=1)
    return f', did you mean "{close[0]}"?' if close else ""


def _load(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_CONFIG_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (
            "no such config file" if isinstance(error, FileNotFoundError) else f"cannot be read: {reason_of(error)}"
        )
        raise ConfigError(f"{path}: {reason}; give one with --config FILE") from error
    if len(text) > _MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_CONFIG_BYTES:,} bytes; this is no config file")
    try:
        document: object = yaml.load(text, _StrictLoader)  # noqa: S506 (a SafeLoader that allows less)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {_yaml_problem(error)}") from error
    return document


def _check(setting: Setting, value: object, place: str, error: type[UsageError]) -> None:
    if not setting.kind.accepts(value):
        raise error(f"{place} must be {setting.kind.allowed}, found {_found(value)}")


def _found(value: object) -> str:
    kinds = {bool: "yes or no", str: "a text", float: "a fraction", dict: "keys and values", list: "a list"}
    kind = f" ({kinds[type(value)]})" if type(value) in kinds else ""
    return "nothing" if value is None else f"{value!r:.80}{kind}"


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else f"not YAML: {problem}"


_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")


class _StrictLoader(yaml.SafeLoader):
    """YAML without what a config never needs.

    No aliases, which bombs are made of, no tags, no duplicate keys, and no numbers that are not what
    they look like: `010` is 8 in YAML, and `1:30` is 90.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed here", event.start_mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) not in {None, "!"}:
            raise yaml.composer.ComposerError(None, None, "tags are not allowed here", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                problem = f'key "{key!s:.80}" is there twice; keep one'
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key if isinstance(key, Hashable) else id(key_node))
        return super().construct_mapping(node, deep)

    def construct_plain_int(self, node: yaml.ScalarNode) -> int:
        if not _DECIMAL.fullmatch(node.value):
            problem = f"{node.value!r:.80} is no plain whole number; write its decimal digits"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return self.construct_yaml_int(node)


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_plain_int)
