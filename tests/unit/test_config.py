"""The content of a config file, and the message for each mistake."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from streamsig.cli.main import commands
from streamsig.cli.parsing import settings_of
from streamsig.errors import ConfigError, UsageError
from streamsig.settings.config_file import read_config
from streamsig.settings.settings import SETTINGS, Settings, combine, make_settings
from streamsig.settings.types import whole_number

if TYPE_CHECKING:
    from pathlib import Path

VALID = 'seed: 42\nwindow: 5\nversion: "v1"\n'


def problem(folder: Path, text: str | bytes) -> str:
    """Return the message for a config file of this text, without the leading file name."""
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    lead, message = str(caught.value).split(": ", 1)
    assert lead == str(path)
    assert "\n" not in message
    return message


def test_the_required_keys_are_enough(tmp_path: Path) -> None:
    """The three required keys are enough and are read unchanged."""
    path = tmp_path / "config.yaml"
    path.write_text(VALID)
    assert read_config(path) == {"seed": 42, "window": 5, "version": "v1"}
    assert combine({}, read_config(path)) == Settings()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('"5"', "'5' (a text)"),
        ("true", "True (yes or no)"),
        ("0", "0"),
        ("-1", "-1"),
        ("5.0", "5.0 (a fraction)"),
        ("", "nothing"),
        ("[5]", "[5] (a list)"),
        ("{a: 5}", "{'a': 5} (keys and values)"),
        ("1e3", "'1e3' (a text)"),
        ("99999999999999", "99999999999999"),
    ],
)
def test_value_of_a_wrong_kind(tmp_path: Path, value: str, shown: str) -> None:
    """The message for a wrong value names the key, the value and what is allowed."""
    message = problem(tmp_path, VALID.replace("window: 5", f"window: {value}"))
    assert message == f'key "window" must be a whole number from 1 to 17592186044416, found {shown}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("version: 1", ['key "version"', "a text", "found 1"]),
        ("version: ''", ['key "version"', "a text", "found ''"]),
        ("seed: 4.2", ['key "seed"', "a whole number", "4.2"]),
        (f"seed: {2**64}", ['key "seed"', str(2**64)]),
    ],
)
def test_wrong_kinds_of_other_keys(tmp_path: Path, line: str, words: list[str]) -> None:
    """Every required key is checked."""
    key = line.split(":", maxsplit=1)[0]
    message = problem(tmp_path, "".join(it + "\n" for it in VALID.splitlines() if not it.startswith(key)) + line)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("key", "nearest"), [("windw", "window"), ("WINDOW", "window"), ("thread", "threads"), ("colum", "column")]
)
def test_an_unknown_key_suggests_the_nearest(tmp_path: Path, key: str, nearest: str) -> None:
    """The message for an unknown key suggests the nearest key and lists all."""
    message = problem(tmp_path, VALID + f"{key}: 3\n")
    assert message.startswith(f'unknown key "{key}", did you mean "{nearest}"?; the keys are ')
    assert all(known in message for known in SETTINGS)


@pytest.mark.parametrize("key", ["7", "null", "quux"])
def test_unknown_key_like_no_other(tmp_path: Path, key: str) -> None:
    """An unknown key without a near match gets no suggestion."""
    message = problem(tmp_path, VALID + f"{key}: 3\n")
    assert message.startswith("unknown key ")
    assert "did you mean" not in message


@pytest.mark.parametrize("key", ["seed", "window", "version"])
def test_each_required_key_is_required(tmp_path: Path, key: str) -> None:
    """Each of the three keys is required."""
    message = problem(tmp_path, "".join(it + "\n" for it in VALID.splitlines() if not it.startswith(key)))
    assert message == f'missing key "{key}"; a config file needs seed, window, version'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (VALID + "window: 7\n", ["line 4, column 1", 'key "window" is there twice']),
        (VALID + "column: {a: 1, a: 2}\n", ["line 4", 'key "a" is there twice']),
        ("seed: 42\nwindow: [5\n", ["line 3"]),
        ("seed: 42\n\twindow: 5\n", ["line 2"]),
        (VALID + "? [a]\n: b\n", ["line 4"]),
        ("a: &x 1\nb: *x\n", ["line 2, column 4", "aliases"]),
        (VALID + "column: !!python/object:os.system {}\n", ["line 4"]),
        ("window: 010\n", ["line 1, column 9", "'010'", "decimal digits"]),
        ("window: 1:30\n", ["'1:30'"]),
        ("window: 0x10\n", ["'0x10'"]),
        (f"window: {'9' * 5000}\n", ["digits"]),
        ("--- 1\n--- 2\n", ["line 2"]),
        ("- seed\n- window\n", ["expected keys and values", "a list"]),
        ("window\n", ["expected keys and values", "'window' (a text)"]),
        ("", ["expected keys and values", "found nothing"]),
        (b"seed: \xff\n", ["not YAML"]),
        (b"seed: \0\n", ["not YAML"]),
        ("[" * 5000, ["not YAML"]),
        ("#" * (1 << 20) + "\n", ["larger than 262,144 bytes"]),
    ],
)
def test_what_is_no_config(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    """Invalid or unsupported YAML is refused with its line."""
    message = problem(tmp_path, text)
    assert [word for word in words if word not in message] == []


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    """The message for a missing config names the file."""
    with pytest.raises(ConfigError, match=r"none\.yaml: no such config file"):
        read_config(tmp_path / "none.yaml")


def test_a_folder_is_not_a_config(tmp_path: Path) -> None:
    """A folder is not a config."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_config(tmp_path)


def test_values_win_over_the_file(tmp_path: Path) -> None:
    """A value replaces the one in the file."""
    path = tmp_path / "config.yaml"
    path.write_text(VALID)
    assert combine({"window": 9}, read_config(path)) == Settings(seed=42, window=9)


def test_values_are_checked() -> None:
    """Values from Python are checked like those of a file."""
    with pytest.raises(UsageError, match=r'setting "window" must be .*, found \'5\' \(a text\)'):
        make_settings({"window": "5"})
    with pytest.raises(UsageError, match=r'^unknown setting "windw", did you mean "window"'):
        make_settings({"windw": 5})


@pytest.mark.parametrize("delimiter", ["x", "5", '"', "\n", ",,", "", "\u20ac"])
def test_what_cannot_separate_fields(delimiter: str) -> None:
    """A delimiter is one ASCII character that is not part of a name, a number or a quoted field."""
    with pytest.raises(UsageError, match=r'setting "delimiter" must be one ASCII character'):
        make_settings({"delimiter": delimiter})


def of_flags(*flags: str) -> dict[str, object]:
    """Return the settings that these flags set."""
    return settings_of(commands()[0].parse_args(["run", "prices.csv", *flags]))


def test_flags_become_values() -> None:
    """The text of a flag becomes the value that a config file would give."""
    assert of_flags("--window", "1e3", "--column", "5", "--seed", "-7") == {"window": 1000, "column": 5, "seed": -7}
    assert of_flags("--column", "Adj Close") == {"column": "Adj Close"}
    with pytest.raises(UsageError, match=r"^--window must be a whole number from 1 to .*, found '0'$"):
        of_flags("--window", "0")


@pytest.mark.parametrize(
    ("text", "number"),
    [("20", 20), ("1_000", 1000), ("1e8", 10**8), ("2.5e3", 2500), ("-3", -3), ("9" * 20, int("9" * 20))],
)
def test_whole_numbers_are_read_exactly(text: str, number: int) -> None:
    """Whole numbers are read exactly in the usual spellings."""
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "x", "1.5", "1e400", "nan", "inf", "1e17", "5 rows"])
def test_what_is_no_whole_number(text: str) -> None:
    """A number that is not whole, or not exact as written, is refused."""
    with pytest.raises(ValueError, match="not a whole number"):
        whole_number(text)


def test_every_default_is_valid() -> None:
    """Every default passes its own check, unless it stands for "not given"."""
    defaults = asdict(Settings())
    assert make_settings({key: defaults[key] for key in SETTINGS}) == Settings()
