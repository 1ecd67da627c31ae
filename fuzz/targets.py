"""What must hold whatever bytes come: a function for each law, which raises, or is killed, where it does not hold."""

from __future__ import annotations

from fuzz.kernels import doors, kernels
from fuzz.texts import cutter, detection, reader

TARGETS = {it.__name__: it for it in (detection, cutter, reader, kernels, doors)}

GUARDED = ("kernels", "doors")
"""Those that a fault of a kernel kills."""
