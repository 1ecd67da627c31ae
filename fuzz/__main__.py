"""`python -m fuzz TARGET SECONDS`: atheris looks for bytes that break a law, and keeps what it learns in the corpus.

`python -m fuzz replay TARGET [LEVEL]` tries the corpus and random changes to it, without atheris. With LEVEL, the
kernels are those of that library, such as `sanitized`, which `fuzz/sanitize.py` made.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from fuzz.targets import TARGETS
from streamsig import native

CORPUS = Path(__file__).parent / "corpus"
_TRIALS = 300


def main(arguments: list[str]) -> None:
    """Fuzz, or replay."""
    if arguments[0] == "replay":
        if len(arguments) > 2:  # noqa: PLR2004
            native._library = native.load(arguments[2])  # noqa: SLF001 (there is no other door)
        replay(arguments[1])
        return
    import atheris  # noqa: PLC0415 (only here is it needed)

    target = TARGETS[arguments[0]]
    options = [f"-max_total_time={arguments[1]}", "-max_len=2000", str(CORPUS / arguments[0])]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


def replay(name: str, trials: int = _TRIALS) -> None:
    """Try the corpus of a target, and changes to it that are the same every time."""
    dice = random.Random(name)  # noqa: S311 (dice)
    kept = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    for data in kept:
        TARGETS[name](data)
    for _ in range(trials):
        TARGETS[name](changed(dice.choice(kept), dice))


def changed(data: bytes, dice: random.Random) -> bytes:
    """Return some bytes with a few of them changed, left out, doubled or moved."""
    octets = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        start = dice.randint(0, len(octets))
        stop = min(len(octets), start + dice.randint(0, 20))
        piece = octets[start:stop]
        choices = (b"", piece * 2, bytes([dice.randrange(256)]), dice.choice([b'"', b"\n", b"\r", b",", b"\0", b"1.5"]))
        octets[start:stop] = dice.choice(choices)
    return bytes(octets)


if __name__ == "__main__":
    main(sys.argv[1:])
