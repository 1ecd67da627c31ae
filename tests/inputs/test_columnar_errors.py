"""Columnar inputs that cannot be read end in a sentence that says what to do."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc

import streamsig
from streamsig.columnar.stores import largest_batch_bytes
from streamsig.columnar.table import open_columnar
from streamsig.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"time": [str(row) for row in range(36)], "close": ["1.5", "2", None, "77"] * 9})
LIMIT = {"memory_limit": "400MiB"}


def encrypted(path: Path, *, plaintext_footer: bool) -> Path:
    """Write a file with encrypted closes."""
    encryption: Any = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(encryption.KmsClient):  # type: ignore[misc, name-defined]
        """Wraps a key by writing it in another way."""

        def __init__(self, config: object) -> None:  # noqa: ARG002 (as pyarrow calls it)
            super().__init__()

        def wrap_key(self, key: bytes, name: str) -> bytes:  # noqa: ARG002 (as pyarrow calls it)
            return key.hex().encode()

    chosen = encryption.EncryptionConfiguration(
        footer_key="a", column_keys={"b": ["close"]}, plaintext_footer=plaintext_footer
    )
    properties = encryption.CryptoFactory(Keys).file_encryption_properties(encryption.KmsConnectionConfig(), chosen)
    with pq.ParquetWriter(path, TABLE.schema, encryption_properties=properties) as writer:
        writer.write_table(TABLE)
    return path


@pytest.mark.parametrize("plaintext_footer", [True, False])
@pytest.mark.parametrize("chosen", [{}, LIMIT])
def test_encrypted_parquet_is_named(tmp_path: Path, chosen: dict[str, Any], *, plaintext_footer: bool) -> None:
    """An encrypted file or column is refused before pyarrow would abort the process."""
    path = encrypted(tmp_path / "secret.parquet", plaintext_footer=plaintext_footer)
    with pytest.raises(streamsig.LayoutError, match=r"secret.parquet: .*encrypted.*; write it without encryption"):
        streamsig.run(path, **chosen)
    (tmp_path / "parents.csv").write_text("PARENT,close\n1,2\n3,4\n")
    assert streamsig.run(tmp_path / "parents.csv").rows_processed == 2


@pytest.mark.parametrize("form", ["parquet", "arrow file"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_under_a_limit_is_an_error_or_unseen(tmp_path: Path, form: str, data: st.DataObject) -> None:
    """Under a limit a damaged header gives an error or has no effect."""
    sink = io.BytesIO()
    table = TABLE.append_column("key", pa.array(["a", "b"] * 18).dictionary_encode())
    if form == "parquet":
        pq.write_table(table, sink, row_group_size=7)
    else:
        with ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=11)
    content = bytearray(sink.getvalue())
    for place in data.draw(st.lists(st.integers(8, len(content) - 1), min_size=1, max_size=3)):
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        assert streamsig.run(path, on_bad_row="skip", **LIMIT).rows_processed <= 36
    except streamsig.StreamsigError as error:
        assert "\n" not in str(error)  # noqa: PT017 (it need not be raised)


def test_sizes_of_a_damaged_dictionary_are_not_asked_for() -> None:
    """A dictionary longer than its buffers is refused before pyarrow reads out of bounds."""
    column = pa.array(["first", "second", "third"]).dictionary_encode().slice(0, 2)
    sink = io.BytesIO()
    with ipc.new_file(sink, pa.schema([("key", column.type)])) as writer:
        writer.write_batch(pa.record_batch([column], ["key"]))
    content = sink.getvalue()
    length = (3).to_bytes(8, "little")
    places = [place for place in range(len(content)) if content.startswith(length, place)]
    refused = []
    for place in places:
        damaged = content[:place] + (1 << 24).to_bytes(8, "little") + content[place + 8 :]
        try:
            largest_batch_bytes(pa.BufferReader(damaged), [0])
        except (pa.ArrowInvalid, OSError) as error:
            refused.append(str(error))
    assert any("Buffer #1 too small" in message for message in refused)


def test_parquet_from_a_pipe_that_fills_the_disk(tmp_path: Path) -> None:
    """A full disk is reported even if the pipe's bytes fit in a buffer until the file is closed."""
    resource = pytest.importorskip("resource")
    pq.write_table(TABLE, tmp_path / "a.parquet")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "a.parquet").open("rb") as source:
        assert os.fstat(source.fileno()).st_size < io.DEFAULT_BUFFER_SIZE
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        try:
            with pytest.raises(SourceError, match="cannot be: File too large; give the file itself, or set TMPDIR"):
                open_columnar(source, "parquet", "<stdin>")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
