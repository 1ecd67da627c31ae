"""The inputs of one series must agree on the scale of closes and on their column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import streamsig
from streamsig.engine.inspection import inspect_inputs
from streamsig.settings.settings import make_settings

if TYPE_CHECKING:
    from pathlib import Path

CUSTOM = "date,close\n2024-01-01,2.520\n2024-01-02,2.530\n2024-01-03,2.510\n"
EUROPEAN = "date;close\n2024-01-05;2.499,50\n2024-01-06;2.488,25\n2024-01-07;2.501,75\n"
PLAIN = "date,close\n2024-01-05,2499.50\n2024-01-06,2488.25\n2024-01-07,2501.75\n"
SMALL = "date;close\n2024-01-05;2,49\n2024-01-06;2,48\n2024-01-07;2,51\n"


def run(folder: Path, *texts: str, **settings: Any) -> streamsig.Result:
    """Count texts as files of one series."""
    paths = [folder / f"{place}.csv" for place in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return streamsig.run(*paths, window=2, **settings)


@pytest.mark.parametrize("texts", [(CUSTOM, EUROPEAN), (EUROPEAN, CUSTOM), (CUSTOM, PLAIN), (PLAIN, CUSTOM)])
def test_a_mark_read_by_custom_is_not_contradicted(tmp_path: Path, texts: tuple[str, str]) -> None:
    """A point taken for a thousands separator stops the run if the next file has decimals of that scale."""
    with pytest.raises(streamsig.LayoutError, match=r"`thousands='.'` or `decimal='.'`") as caught:
        run(tmp_path, *texts)
    assert f"in {tmp_path / f'{texts.index(CUSTOM)}.csv'} a . before" in str(caught.value)
    # each is valid by itself, and the flag determines how it is read
    assert run(tmp_path, *texts, per_file=True).rows_processed == 6
    if EUROPEAN in texts:
        whole = CUSTOM.replace("2.5", "25")
        assert (
            run(tmp_path, *texts, thousands=".").signal_count
            == run(tmp_path, *(whole if text == CUSTOM else PLAIN for text in texts)).signal_count
        )


@pytest.mark.parametrize(
    ("texts", "settings"),
    [
        ((CUSTOM, CUSTOM.replace("2024", "2025")), {}),
        ((CUSTOM, SMALL), {}),
        ((EUROPEAN, PLAIN), {}),
        ((CUSTOM, PLAIN), {"decimal": "."}),
        ((CUSTOM.replace(",", ",A,"), PLAIN.replace(",", ",B,")), {"group_by": 2, "column": 3}),
    ],
)
def test_what_goes_together_is_counted(tmp_path: Path, texts: tuple[str, str], settings: dict[str, Any]) -> None:
    """Layouts may differ between files, and scales between groups."""
    assert run(tmp_path, *texts, **settings).rows_processed == 6


def test_marks_are_compared_among_groups(tmp_path: Path) -> None:
    """An assumed point and a decimal comma in another file stop a run of groups, too."""
    with pytest.raises(streamsig.LayoutError, match=r"`thousands='.'`"):
        run(tmp_path, CUSTOM, EUROPEAN, group_by="date")


def test_a_table_is_compared_with_a_text(tmp_path: Path) -> None:
    """The scale of closes in Parquet is certain."""
    (tmp_path / "a.csv").write_text(CUSTOM)
    pq.write_table(pa.table({"close": [2499.5, 2488.25]}), tmp_path / "b.parquet")
    with pytest.raises(streamsig.LayoutError, match=r"`thousands='.'`"):
        streamsig.run(tmp_path / "a.csv", tmp_path / "b.parquet")


def test_a_checkpoint_has_the_input_before(tmp_path: Path) -> None:
    """The facts for comparing inputs survive a checkpoint."""
    (tmp_path / "a.csv").write_text(CUSTOM)
    settings = {"checkpoint": str(tmp_path / "checkpoint")}
    streamsig.run(tmp_path / "a.csv", **settings)
    (tmp_path / "b.csv").write_text(EUROPEAN)
    with pytest.raises(streamsig.LayoutError, match=r"`thousands='.'`"):
        streamsig.run(tmp_path / "a.csv", tmp_path / "b.csv", **settings)


def test_closes_of_other_names_are_warned_of(tmp_path: Path) -> None:
    """A series whose close has another name in the next file counts, with a warning in `inspect`, too."""
    texts = (PLAIN, PLAIN.replace("close", "Last").replace("2024", "2025"))
    (warning,) = run(tmp_path, *texts).warnings
    assert '"Last" here, and "close" in' in warning
    first, second = inspect_inputs([str(tmp_path / "0.csv"), str(tmp_path / "1.csv")], make_settings({}))
    assert (first["warnings"], second["warnings"]) == ([], [warning])
    assert run(tmp_path, *texts, per_file=True).warnings == ()
    assert run(tmp_path, PLAIN, texts[1].replace("Last", "Close Price")).warnings == ()


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        ({"window": 7}, "the window is 7 rows long, and the longest series has 6"),
        ({"window": 4, "per_file": True}, "the longest series has 3"),
        ({"window": 2, "group_by": "date"}, "the longest series has 1"),
        ({"signals": {"a": {"slow": 6, "compare": "cross_above"}}}, 'signal "a" needs 7 rows'),
        ({"window": 6}, None),
        ({"window": 3, "per_file": True}, None),
    ],
)
def test_a_window_longer_than_the_series_is_warned_of(
    tmp_path: Path, settings: dict[str, Any], fragment: str | None
) -> None:
    """A signal with more rows than any series has is 0, with a warning."""
    for place, text in enumerate((PLAIN, PLAIN.replace("2024", "2025"))):
        (tmp_path / f"{place}.csv").write_text(text)
    warnings = streamsig.run(tmp_path, **settings).warnings
    assert len(warnings) == (fragment is not None)
    assert all(str(fragment) in each for each in warnings)
