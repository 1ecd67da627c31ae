"""What must hold whatever bytes come: a function for each law, which raises, or is killed, where it does not hold."""

from __future__ import annotations

from fuzz.groups import groups
from fuzz.kernels import doors, kernels
from fuzz.keys import keys
from fuzz.signals import signals
from fuzz.texts import cutter, detection, reader

TARGETS = {it.__name__: it for it in (detection, cutter, reader, kernels, doors, keys, signals, groups)}

GUARDED = ("kernels", "doors", "keys", "signals", "groups")
"""Those that a fault of a kernel kills."""
