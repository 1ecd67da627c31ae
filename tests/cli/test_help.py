"""`streamsig help`, and flags in messages."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from streamsig.cli.advice import with_flags
from streamsig.cli.help import TOPICS
from streamsig.cli.main import main
from streamsig.settings.settings import SETTINGS, Settings
from streamsig.stopping import Stopping

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_is_a_page(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A topic prints its page, which begins with a heading and has no comment of the generator."""
    assert main(["help", topic], Stopping()) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# ")
    assert "<!--" not in shown


def test_without_a_topic(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a topic, or with an unknown one, all topics are listed."""
    assert main(["help"], Stopping()) == 0
    shown = capsys.readouterr().out
    assert [topic for topic in TOPICS if f"\n  {topic} " not in shown] == []
    assert main(["help", "nothing"], Stopping()) == 2
    assert "'layouts'" in capsys.readouterr().err


def test_a_wheel_contains_the_pages() -> None:
    """pyproject.toml installs each page where `help` expects it."""
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    pages = [name for name, _ in TOPICS.values()]
    assert targets["wheel"]["force-include"] == {f"docs/{name}": f"streamsig/help/{name}" for name in pages}
    assert "/docs" in targets["sdist"]["include"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("use `column`", "use --column"),
        ("use `column=N`", "use --column N"),
        ("use `column=3`, or not", "use --column 3, or not"),
        ("use `column='Adj Close'`", "use --column 'Adj Close'"),
        ("use `delimiter='`'`", "use --delimiter '`'"),
        ('use `thousands="\'"`', """use --thousands ''"'"''"""),
        ("use `skip_lines=2, header=False`", "use --skip-lines 2 --no-header"),
        ("use `header=True`", "use --header"),
        ("use `missing=['-1', '0']`", "use --missing -1 --missing 0"),
        ("use `signals`", "use --signal"),
        ("`memory_limit=1000` is too little", "--memory-limit 1000 is too little"),
        ("the file `other=3`, or column=3", "the file `other=3`, or column=3"),
    ],
)
def test_settings_in_messages(message: str, shown: str) -> None:
    """The command line replaces each setting in a message by its flag."""
    assert with_flags(message) == shown


def test_one_table_of_settings() -> None:
    """The table describes each field of `Settings` in order, except sizes; a setting without help has no flag."""
    assert [*SETTINGS, "chunk_bytes", "sample_bytes"] == [field.name for field in fields(Settings)]
    assert [key for key, setting in SETTINGS.items() if not setting.help] == ["version"]
