"""Finds, reads and checks the config file."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from streamsig.errors import ConfigError, UsageError
from streamsig.os_errors import reason_of
from streamsig.settings.settings import SETTINGS, Settings, convert, describe

DEFAULT = "config.yaml"
REQUIRED = ("seed", "window", "version")
"""The keys that a config file must have; `signals` may replace `window`."""
_MAX_BYTES = 1 << 18


def find_config(named: str | None) -> tuple[Path | None, list[str]]:
    """Return the path of the config file, or `None`, and warnings; if none is named, the default one if it exists.

    A default one without any known key belongs to another program and is not read.
    """
    if named is not None:
        return Path(named), []
    path = Path(DEFAULT)
    if not os.path.lexists(path):
        return None, []
    if _has_known_keys(path):
        return path, []
    return None, [f"{path} is ignored: it has none of the keys of streamsig; name a config file with --config FILE"]


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings of a config file; raises ConfigError."""
    document = _load(path)
    if not isinstance(document, dict):
        raise ConfigError(f'{path}: expected keys and values such as "window: 5", found {describe(document)}')
    try:
        values = convert(document, "key")
    except UsageError as error:
        raise ConfigError(f"{path}: {error}") from error
    missing = [key for key in REQUIRED if key not in values and not (key == "window" and "signals" in values)]
    if missing:
        names = ", ".join(f'"{key}"' for key in missing)
        raise ConfigError(f"{path}: missing key {names}; a config file needs {', '.join(REQUIRED)}")
    return values


_KEY = rf"""(?m)^\s*["']?({"|".join(SETTINGS)})["']?\s*:"""


def _has_known_keys(path: Path) -> bool:
    """Return whether a config file has a known key; if it is not YAML, search its text.

    A file that cannot be read may have one.
    """
    try:
        document = _load(path)
    except ConfigError:
        try:
            with path.open("rb") as file:
                return re.search(_KEY, file.read(_MAX_BYTES).decode("utf-8", "replace")) is not None
        except OSError as error:
            return not isinstance(error, IsADirectoryError)
    return isinstance(document, dict) and not SETTINGS.keys().isdisjoint(
        key for key in document if isinstance(key, str)
    )


def version_of(path: Path | None) -> str:
    """Return the version in a config file, even if the rest of it is invalid, or else the default."""
    with contextlib.suppress(UsageError):
        document = _load(path) if path else None
        if isinstance(document, dict):
            return str(convert({"version": document.get("version")}, "key")["version"])
    return Settings().version


def _load(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "no such config file" if missing else f"cannot be read: {reason_of(error)}"
        raise ConfigError(f"{path}: {reason}; give one with --config FILE") from error
    if len(text) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_BYTES:,} bytes; this is not a config file")
    from streamsig.settings.strict_yaml import load  # noqa: PLC0415 (most runs have no config file)

    try:
        return load(text)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
