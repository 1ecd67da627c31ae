"""Files are written completely or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamsig.errors import OutputError
from streamsig.files import check_writable, replacing


def test_a_file_appears_only_at_the_end(tmp_path: Path) -> None:
    """The file appears only after the block has ended well."""
    target = tmp_path / "target"
    with replacing(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_old_file_outlives_a_failure(tmp_path: Path, error: type[BaseException]) -> None:
    """If the block fails, the old file remains, and no other file does."""
    target = tmp_path / "target"
    target.write_bytes(b"old")

    def replace_in_part() -> None:
        with replacing(target) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        replace_in_part()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_bytes_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bytes are synced before the old file is replaced, so a power cut leaves one or the other."""
    target, synced = tmp_path / "target", []
    target.write_bytes(b"old")

    def fsync(number: int) -> None:
        synced.append((os.fstat(number).st_size, target.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(target) as file:
        file.write(b"newer")
    assert synced == [(5, b"old")]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    """A link is followed, and its target preserves its mode."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o604)
    link.symlink_to("target")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o604)


def test_link_to_nothing_yet(tmp_path: Path) -> None:
    """The target of a dangling link is created."""
    (tmp_path / "link").symlink_to("target")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_other_hard_links_keep_the_old_text(tmp_path: Path) -> None:
    """Another hard link to the old file keeps the old text."""
    target, other = tmp_path / "target", tmp_path / "other"
    target.write_bytes(b"old")
    other.hardlink_to(target)
    with replacing(target) as file:
        file.write(b"new")
    assert (target.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_name_as_long_as_it_may_be(tmp_path: Path) -> None:
    """A file name of the maximum length can be written."""
    target = tmp_path / ("x" * 255)
    with replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_is_written_to_directly(tmp_path: Path) -> None:
    """A device is written to directly, and its errors are raised."""
    with replacing(Path(os.devnull)) as file:
        file.write(b"new")
    with (
        pytest.raises(OutputError, match="/dev/full: cannot be written: No space left"),
        replacing(Path("/dev/full")) as file,
    ):
        file.write(b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "it is a directory"), ("none/target", "there is no folder"), ("file/target", "there is no folder")],
)
def test_place_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    """A target that cannot be replaced is refused in advance and when written."""
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OutputError, match=words):
        check_writable(tmp_path / name)
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / name) as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_check_writes_nothing(tmp_path: Path) -> None:
    """Checking a target writes nothing."""
    check_writable(tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "statvfs"), reason="no way to ask")
@pytest.mark.parametrize(("flags", "words"), [(os.ST_RDONLY, "read-only file system"), (0, "permission denied")])
def test_why_a_place_cannot_be_written(flags: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message distinguishes a read-only file system from a lack of permission."""
    status = os.statvfs(tmp_path)
    changed = os.statvfs_result([*status[:8], flags, status[9]])
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: changed)
    with pytest.raises(OutputError, match=rf"target: cannot be written: .*{words}"):
        check_writable(tmp_path / "target")
