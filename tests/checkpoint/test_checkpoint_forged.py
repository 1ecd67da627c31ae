"""A checkpoint with a valid CRC and wrong contents is refused or resumed, without a traceback or endless work."""

from __future__ import annotations

import copy
import json
import random
import zlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from streamsig.engine.checkpoint import checkpoint as engine_checkpoint
from streamsig.errors import CheckpointError
from tests.support.interrupting import keyed, run, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Place = tuple[str | int, ...]
GONE = object()
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 7, 39, 10**9, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, 10**4000),
    *(1.5, float("nan"), float("inf"), "", "x", "\ud800", [], [None], [1], [[[[1]]]], {}, {"a": 1}, GONE),
)
KINDS: dict[str, dict[str, Any]] = {
    "one series": {"window": 5},
    "long window": {"signals": {"a": {"slow": 900}, "b": {"fast": 3, "slow": 7, "compare": "cross_above"}}},
    "groups": {"group_by": "symbol"},
    "rows": {"rows": "rows.csv"},
    "rows, newest first": {"rows": "rows.csv", "order": "newest-first"},
    "rows of groups": {"rows": "rows.csv", "group_by": "symbol"},
    "order": {"check_order": True},
    "rejects": {"rejects": "bad.csv", "on_bad_row": "skip"},
    "rejects of groups": {"rejects": "bad.csv", "on_bad_row": "skip", "group_by": "symbol"},
    "order and rejects": {"check_order": True, "rejects": "bad.csv", "on_bad_row": "skip"},
    "after the end": {"window": 5},
    "per file": {"per_file": True},
}


def _places(document: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the path of every value in a document, and only the first entries of long lists."""
    yield place
    pairs: dict[Any, Any] = document if isinstance(document, dict) else {}
    if isinstance(document, list):
        pairs = dict(enumerate(document[:4]))
    for key, value in pairs.items():
        yield from _places(value, (*place, key))


def _at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def _forged(document: Any, place: Place, dice: random.Random) -> Any:
    """Return a document with another value at a path."""
    document = copy.deepcopy(document)
    parent, key = _at(document, place[:-1]), place[-1]
    value = dice.choice((*VALUES, *_like(parent[key], dice)))
    if value is GONE:
        del parent[key]
    else:
        parent[key] = value
    return document


def _like(old: Any, dice: random.Random) -> list[Any]:
    """Return values that resemble the old one."""
    if type(old) is int:
        return [old + 1, old - 1, -old, str(old), old * 10**9]
    if isinstance(old, list):
        return [old[:-1], old + old[-1:], old[::-1], old * 2]
    if not isinstance(old, str) or len(old) < 4 or len(old) % 4 or not old.isascii():
        return []
    try:
        packed = bytearray(b64decode(old, validate=True))
    except ValueError:
        return [old[:-1], old * 2]
    packed[dice.randrange(len(packed))] = dice.choice((0, 1, 127, 128, 255))
    return [
        *(b64encode(each).decode() for each in (packed, b"\xff" * len(packed), bytes(len(packed)))),
        old[4:],
        old * 2,
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_checkpoint_is_resumed_or_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any change and a valid CRC, a checkpoint is resumed or refused in one line; many changes are refused."""
    monkeypatch.setattr(engine_checkpoint, "SECONDS", 0)
    paths, flags = [tmp_path / "1.csv", tmp_path / "2.csv"], {"threads": 1, **KINDS[kind]}
    header, rows = ("time,symbol,close\n", keyed) if "group_by" in flags else ("time,close\n", text)
    paths[0].write_text(header + rows(200))
    paths[1].write_text(header + rows(700, first=200).replace("77.5", "word" if "rejects" in flags else "77.5"))
    run(tmp_path, *paths, stop_after=None if kind == "after the end" else 3, **flags)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    documents = [json.loads(line) for line in before[tmp_path / "checkpoint"].splitlines()[:-1]]
    places = [place for place in _places(documents) if place]
    dice = random.Random(kind)  # noqa: S311 (dice)
    tries = 40 if settings.default is None else max(40, settings.default.max_examples - 100)
    refused = 0
    for place in dice.choices(places, k=tries):
        content = "".join(f"{json.dumps(each)}\n" for each in _forged(documents, place, dice)).encode()
        for path in tmp_path.iterdir():
            path.unlink() if path not in before else path.write_bytes(before[path])
        (tmp_path / "checkpoint").write_bytes(content + b'{"crc32": %d}\n' % zlib.crc32(content))
        try:
            run(tmp_path, *paths, **flags)
        except CheckpointError as error:
            assert str(error).endswith("; start over with `fresh=True`, or name another checkpoint")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            refused += 1
    assert refused > tries // 2


@pytest.mark.parametrize("place", [("tail", "scale"), ("head", "scale")])
def test_a_scale_of_a_billion_is_refused(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closes with a billion decimals are refused before any computation."""
    monkeypatch.setattr(engine_checkpoint, "SECONDS", 0)
    (tmp_path / "1.csv").write_text("time,close\n" + text(200))
    (tmp_path / "2.csv").write_text("time,close\n" + text(700, first=200))
    run(tmp_path, tmp_path / "1.csv", tmp_path / "2.csv", stop_after=3, threads=1)
    documents = [json.loads(line) for line in (tmp_path / "checkpoint").read_bytes().splitlines()[:-1]]
    (state,) = (document[1][1] for document in documents[1:] if document[1][0] == "ended")
    _at(state, place[:-1])[place[-1]] = 10**9
    content = "".join(f"{json.dumps(document)}\n" for document in documents).encode()
    (tmp_path / "checkpoint").write_bytes(content + b'{"crc32": %d}\n' % zlib.crc32(content))
    with pytest.raises(CheckpointError, match="1000000000' where a whole number should be; start over"):
        run(tmp_path, tmp_path / "1.csv", tmp_path / "2.csv", threads=1)
