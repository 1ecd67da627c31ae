"""The container image agrees with its documentation."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"

pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="the sdist has no container files")


def instructions(name: str) -> list[str]:
    """Return the rest of each line of the Dockerfile that begins with `name`."""
    return re.findall(rf"^{name} +(.+)$", DOCKERFILE.read_text(), re.MULTILINE)


def test_the_default_command_is_that_of_make_run() -> None:
    """`docker run streamsig` does what `make run` does."""
    entrypoint, command = instructions("ENTRYPOINT")[0], instructions("CMD")[0]
    made = re.search(r"^\t\$\(BIN\)/(streamsig run .+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made is not None
    assert json.loads(entrypoint) + json.loads(command) == shlex.split(made[1])


def test_the_build_is_sent_exactly_what_it_copies() -> None:
    """The build context has every copied path and nothing else."""
    copied = {
        word
        for line in instructions("COPY")
        if "--from" not in line
        for word in line.split()[:-1]
        if not word.startswith("--")
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines.index("*") < min(lines.index(f"!{path}") for path in copied)
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_does_not_run_as_root() -> None:
    """The user is a number other than root's, which Kubernetes can check."""
    uid, gid = instructions("USER")[-1].split(":")
    assert int(uid) > 0
    assert int(gid) > 0
