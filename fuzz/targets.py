"""The fuzz targets: each law is a function that raises, or is killed, if the law is broken."""

from __future__ import annotations

from fuzz.groups import groups
from fuzz.kernels import doors, kernels
from fuzz.keys import keys
from fuzz.signals import signals
from fuzz.texts import cutter, detection, reader

TARGETS = {it.__name__: it for it in (detection, cutter, reader, kernels, doors, keys, signals, groups)}

GUARDED = ("kernels", "doors", "keys", "signals", "groups")
"""The targets that a fault in a kernel kills."""
