"""What may be asked of a run, and where it is asked: a YAML file, then flags, which win."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import os
import re
from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import yaml

from streamsig.core.signals import MAX_FACTOR, Signal
from streamsig.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    T = TypeVar("T")

_MAX_CONFIG_BYTES = 1 << 16


class Kind(NamedTuple):
    """A kind of value: what is allowed, said for people and checked, and how a flag's text becomes one."""

    allowed: str
    accepts: Callable[[object], bool]
    from_text: Callable[[str], object]


def whole_number(text: str) -> int:
    """Read a whole number as people write them: `20`, `1_000`, `1e8`; raises ValueError."""
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError, OverflowError):
        number = float(text)
        if number == int(number) and abs(number) < 2**53:
            return int(number)
    raise ValueError(f"not a whole number: {text!r:.80}")


def _whole(low: int, high: int, allowed: str) -> Kind:
    return Kind(allowed, lambda value: type(value) is int and low <= value <= high, whole_number)


def _column_of(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


_TEXT = Kind('a text, such as "v1"', lambda value: isinstance(value, str) and value != "", str)
_COLUMN = Kind(
    "a column name, or a field number from 1",
    lambda value: value >= 1 if type(value) is int else isinstance(value, str) and value != "",
    _column_of,
)


def _choice(*words: str) -> Kind:
    return Kind(" or ".join(words), lambda value: value in words, str)


def _delimiter_of(text: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(text.lower(), text)


def _thousands_of(text: str) -> str:
    return {"none": "", "space": " "}.get(text.lower(), text)


_NOT_FOR_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs of Python for domain names and source code; some take quadratic time, or fail on whatever they get."""


def _is_codec(value: object) -> bool:
    try:
        codec = codecs.lookup(value if isinstance(value, str) else "")
    except (LookupError, ValueError):  # a NUL in the name is another error than a name that is not known
        return False
    # there is no public way to ask
    return codec._is_text_encoding and codec.name.replace("-", "_") not in _NOT_FOR_FILES  # noqa: SLF001


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


YES_NO = Kind("true or false", lambda value: type(value) is bool, bool)
TEXTS = Kind("a list of texts", _are_texts, lambda text: [text])
_DELIMITER = Kind(
    'one character, or "tab"',
    lambda value: isinstance(value, str) and len(_delimiter_of(value)) == 1,
    _delimiter_of,
)
_THOUSANDS = Kind(
    'one of , . \' "space" or "none"',
    lambda value: isinstance(value, str) and _thousands_of(value) in ("", ",", ".", "'", " "),
    _thousands_of,
)
_CODEC = Kind("the name of a text encoding, such as utf-8, utf-16 or cp1252", _is_codec, str)


class Setting(NamedTuple):
    """A setting as config file and command line have it; it has a flag if there is a `help` for one."""

    key: str
    kind: Kind
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        """The flag's name."""
        return "--" + self.key.replace("_", "-")


def _setting(default: T, kind: Kind, metavar: str = "", help: str = "") -> T:  # noqa: A002 (as argparse has it)
    return field(default=default, metadata={"kind": kind, "metavar": metavar, "help": help})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run obeys. This is the one table: config keys, flags, checks and help derive from it.

    `threads` is `None` for "as many as this process may use". `column` is `None` for the close, else
    a header name, or a field number that counts from 1.
    """

    seed: int = _setting(
        42,
        _whole(-(2**63), 2**64 - 1, "a whole number of 64 bits"),
        "N",
        "a number to find in the metrics (default 42)",
    )
    window: int = _setting(
        5,
        _whole(1, MAX_FACTOR, f"a whole number from 1 to {MAX_FACTOR}"),
        "N",
        "closes in the mean (default 5)",
    )
    version: str = _setting("v1", _TEXT)
    column: str | int | None = _setting(
        None,
        _COLUMN,
        "NAME|N",
        "the close: a header name, or a field number from 1 (default: found by its name)",
    )
    delimiter: str | None = _setting(None, _DELIMITER, "CHAR", "between fields, such as ; or tab (default: found)")
    header: bool | None = _setting(None, YES_NO, "", "whether the first row names the columns (default: found)")
    skip_lines: int | None = _setting(
        None, _whole(0, 10**6, "a whole number from 0"), "N", "lines before the header or first row (default: found)"
    )
    encoding: str | None = _setting(None, _CODEC, "NAME", "of the text (default: found)")
    decimal: str | None = _setting(None, _choice(".", ","), ".|,", "the decimal mark (default: found)")
    thousands: str | None = _setting(None, _THOUSANDS, "CHAR", "between thousands, or none (default: found)")
    missing: tuple[str, ...] = _setting((), TEXTS, "TEXT", "one more text that means: no close; can be repeated")
    order: str = _setting(
        "file",
        _choice("file", "newest-first"),
        "file|newest-first",
        "newest-first counts each window over the rows after it in the file (default file)",
    )
    on_bad_row: str = _setting(
        "fail", _choice("fail", "skip"), "fail|skip", "stop at a bad row, or leave it out and count it (default fail)"
    )
    check_order: bool = _setting(
        default=False, kind=YES_NO, help="read the time of every row, too; report steps back, duplicates and gaps"
    )
    per_file: bool = _setting(
        default=False, kind=YES_NO, help="each input is a series of its own (default: all are one)"
    )
    threads: int | None = _setting(
        None, _whole(1, 1024, "a whole number from 1 to 1024"), "N", "how many parse (default: all cores)"
    )

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The signals to count."""
        return (Signal(1, self.window),)

    @property
    def thread_count(self) -> int:
        """How many threads parse."""
        return self.threads or available_cores()


SETTINGS = {it.name: Setting(it.name, **it.metadata) for it in fields(Settings)}
"""Every setting by its key."""

REQUIRED = ("seed", "window", "version")
"""The keys that a config file must have."""


def available_cores() -> int:
    """Return how many cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def make_settings(values: Mapping[str, Any], config: Path | None = None) -> Settings:
    """Return the settings of a config file, if one is named, with `values` over it.

    A value that is `None` was not given. Raises ConfigError or UsageError, naming the key, what was
    found and what is allowed.
    """
    given = {key: value for key, value in values.items() if value is not None and value != ()}
    for key, value in given.items():
        if key not in SETTINGS:
            raise UsageError(f"unknown setting {key!r}{nearest(key, SETTINGS)}")
        _check(SETTINGS[key], value, f'setting "{key}"', UsageError)
    chosen = {**(read_config(config) if config else {}), **given}
    for key, plain in (("delimiter", _delimiter_of), ("thousands", _thousands_of), ("missing", tuple)):
        if chosen.get(key) is not None:
            chosen[key] = plain(chosen[key])
    settings = Settings(**chosen)
    if settings.decimal is not None and settings.decimal == settings.thousands:
        raise UsageError(f'decimal mark and thousands separator are both "{settings.decimal}"; they must differ')
    return settings


def values_of_flags(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the texts of flags, by setting, stand for; `None` was not given. Raises UsageError."""
    values: dict[str, Any] = {}
    for key, text in texts.items():
        if text is not None:
            setting = SETTINGS[key]
            if not isinstance(text, str):  # a flag without a value, or one that can be repeated
                values[key] = text
                continue
            try:
                values[key] = setting.kind.from_text(text)
            except ValueError:
                values[key] = text
            if not setting.kind.accepts(values[key]):
                raise UsageError(f"{setting.flag} must be {setting.kind.allowed}, found {text!r:.80}")
    return values


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
    missing = [key for key in REQUIRED if key not in document]
    if missing:
        names = ", ".join(f'"{key}"' for key in missing)
        raise ConfigError(f"{path}: missing key {names}; a config file needs {', '.join(REQUIRED)}")
    return document


def version_of(path: Path | None) -> str:
    """Return the version that a config file names, whatever else is wrong with it, else the default."""
    with contextlib.suppress(ConfigError):
        document = _load(path) if path else None
        if isinstance(document, dict) and _TEXT.accepts(document.get("version")):
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
    except OSError as error:
        reason = "no such config file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
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
