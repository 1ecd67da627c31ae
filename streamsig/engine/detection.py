"""Detects the layout of an input of a run, and compares it with the input before."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from streamsig.sniffer.checks.agreement import CloseColumn, compare
from streamsig.sniffer.detect import detect
from streamsig.sniffer.encoding import choose_encoding
from streamsig.sniffer.file_signatures import check_is_table, check_is_text
from streamsig.sniffer.known_layout import KnownLayout
from streamsig.sniffer.layout import Layout, LayoutOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamsig.settings.settings import Settings
    from streamsig.sources.text_source import TextSource

_MAX_KNOWN = 8
"""Layouts with which further texts are compared."""


class LayoutDetector:
    """Detects the layouts of the texts of a run, of texts that are written alike only once."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._options = settings, LayoutOptions.of(settings)
        self._known: deque[KnownLayout] = deque(maxlen=_MAX_KNOWN)
        self._detected: tuple[bytes, Layout, LayoutOptions] | None = None

    def detect(self, source: TextSource, *, may_grow: bool = False) -> Layout:
        """Detect the layout of a text, which stays at its start. If it may grow, only whole lines are sampled.

        Raises LayoutError if the sample does not settle the layout.
        """
        raw, _ = source.read_sample(self._settings.sample_bytes)
        check_is_text(raw, source.name, source.compression)
        source.decode(*choose_encoding(raw, self._settings.encoding))
        sample, is_complete = source.read_sample(self._settings.sample_bytes)
        options = self._options
        if is_complete and may_grow and sample:
            check_is_table(sample, source.name)
            # the last line may be incomplete, and its rest must not change the layout
            sample = sample[: 1 + sample.rfind(b"\n" if b"\n" in sample else b"\r")]
            # without a whole line there is not even a header
            options = options if sample else options._replace(header=False, column=None, group_by=())
        if is_complete and not may_grow:
            for known in self._known_layouts():
                if layout := known.layout_of(sample):
                    return layout
        layout = detect(sample, is_complete=is_complete, options=options, name=source.name)
        records = sample if is_complete else sample[: sample.rfind(b"\n") + 1]
        self._detected = records, layout, options
        return layout

    def _known_layouts(self) -> Iterable[KnownLayout]:
        """Return the layouts detected so far; the last one is described only now, as most runs have one text."""
        if self._detected is not None and (described := KnownLayout.of(*self._detected)):
            self._known.appendleft(described)
        self._detected = None
        return self._known


def compare_with(before: CloseColumn | None, this: CloseColumn, settings: Settings) -> tuple[str, ...]:
    """Return warnings about an input that follows another; raises LayoutError if their closes contradict each other."""
    return () if before is None or settings.per_file else compare(before, this, grouped=bool(settings.group_by))
