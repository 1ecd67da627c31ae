"""`python -m fuzz TARGET SECONDS`: atheris looks for bytes that break a law.

It begins with the corpus and with what it learnt earlier, in `fuzz/learnt`, to which it adds. Small new inputs are
moved to the corpus by hand. Bytes that break a law are saved there as `TARGET-crash-...`.

`python -m fuzz replay TARGET [LEVEL]` tries the corpus and random changes to it, without atheris. With LEVEL, the
kernels are those of that library, such as `sanitized`, which `fuzz/sanitize.py` builds.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

CORPUS, LEARNT = (Path(__file__).parent / name for name in ("corpus", "learnt"))
_TRIALS = 300


def main(arguments: list[str]) -> None:
    """Fuzz, or replay."""
    if arguments[0] != "replay":
        fuzz(*arguments)
        return
    _, name, *level = arguments
    if level:
        from streamsig.native import library  # noqa: PLC0415 (fuzzed modules must not be imported earlier)

        library.library = library.load(level[0])
    replay(name)


def fuzz(name: str, seconds: str) -> None:
    """Let atheris try inputs for this many seconds."""
    import atheris  # noqa: PLC0415 (needed only here)

    # instrumenting other modules, such as the oracle's fractions, takes most of the time for no gain
    with atheris.instrument_imports(include=["fuzz", "streamsig"], exclude=["fuzz.guard"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 (see above)
    learnt = LEARNT / name
    learnt.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=2000", "-print_final_stats=1", f"-artifact_prefix={learnt}-"]
    # atheris itself grows by up to 4 MB a second; the same runs without instrumentation stay below 70 MB
    options += ["-rss_limit_mb=8000", "-malloc_limit_mb=2000"]
    atheris.Setup([sys.argv[0], *options, str(learnt), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


def replay(name: str, trials: int = _TRIALS) -> int:
    """Try the corpus of a target and reproducible changes to it; return the number of inputs."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 (atheris must be imported first)

    dice = random.Random(name)  # noqa: S311 (dice)
    corpus = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    for data in corpus:
        TARGETS[name](data)
    for _ in range(trials):
        TARGETS[name](changed(dice.choice(corpus), dice))
    return len(corpus) + trials


def changed(data: bytes, dice: random.Random) -> bytes:
    """Return some bytes with a few of them changed, removed, doubled or moved."""
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
