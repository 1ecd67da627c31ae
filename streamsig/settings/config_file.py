"""Finds, reads and checks the config file."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from streamsig.errors import ConfigError
from streamsig.os_errors import reason_of
from streamsig.settings.settings import REQUIRED, SETTINGS, Settings, check, describe, nearest
from streamsig.settings.types import TEXT

DEFAULT = "config.yaml"
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
    """Return the checked contents of a config file; raises ConfigError."""
    document = _load(path)
    if not isinstance(document, dict):
        raise ConfigError(f'{path}: expected keys and values such as "window: 5", found {describe(document)}')
    for key, value in document.items():
        if key not in SETTINGS:
            hint = nearest(str(key), SETTINGS)
            raise ConfigError(f'{path}: unknown key "{key!s:.80}"{hint}; the keys are {", ".join(SETTINGS)}')
        check(SETTINGS[key], value, f'{path}: key "{key}"', ConfigError)
    missing = [key for key in REQUIRED if key not in document and not (key == "window" and "signals" in document)]
    if missing:
        names = ", ".join(f'"{key}"' for key in missing)
        raise ConfigError(f"{path}: missing key {names}; a config file needs {', '.join(REQUIRED)}")
    return document


_KEY = re.compile(rf"""^\s*["']?({"|".join(SETTINGS)})["']?\s*:""", re.MULTILINE)


def _has_known_keys(path: Path) -> bool:
    """Return whether a config file has a known key; if it is not YAML, search its text.

    A file that cannot be read may have one.
    """
    try:
        document = _load(path)
    except ConfigError:
        try:
            with path.open("rb") as file:
                return _KEY.search(file.read(_MAX_BYTES).decode("utf-8", "replace")) is not None
        except OSError as error:
            return not isinstance(error, IsADirectoryError)
    return isinstance(document, dict) and not SETTINGS.keys().isdisjoint(
        key for key in document if isinstance(key, str)
    )


def version_of(path: Path | None) -> str:
    """Return the version in a config file, even if the rest of it is invalid, or else the default."""
    with contextlib.suppress(ConfigError):
        document = _load(path) if path else None
        if isinstance(document, dict) and TEXT.accepts(document.get("version")):
            return str(document["version"])
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
