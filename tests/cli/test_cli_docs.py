"""The documentation covers what the program can do, and its examples are true."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamsig.cli.main import commands
from streamsig.errors import EXIT_CODES, StreamsigError
from tools import reference

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
OF_OTHER_PROGRAMS = {"--cpus", "--group", "--memory", "--read-only", "--rm", "--user"}
"""Flags that pages show with docker and pip."""

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
LINKED = ["CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", *PAGES]
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}


def test_navigation_lists_every_page() -> None:
    """The site's navigation lists exactly the pages of docs/."""
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())) == pages


@pytest.mark.parametrize("page", LINKED)
def test_every_link_leads_somewhere(page: str) -> None:
    """Each relative link leads to a file of the repository, and to one of its headings if it names one."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", (ROOT / page).read_text()):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", LINKED)
def test_every_named_file_exists(page: str) -> None:
    """Each file of the repository that a page names in code exists."""
    named = re.findall(r"`((?:tests|fuzz|benchmarks|tools|streamsig)/[\w/.]+)`", (ROOT / page).read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site create for the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_python_sessions_print_what_is_shown(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Python session prints what the page shows."""
    monkeypatch.chdir(ROOT)
    assert doctest.testfile(str(ROOT / page), module_relative=False, verbose=False).failed == 0


def test_every_flag_is_documented(flags: set[str]) -> None:
    """Each flag is in the README or in docs/."""
    known = set(re.findall(r"--[a-z][a-z-]+", "\n".join([README, *DOCS.values()])))
    assert {flag for flag in flags if flag.startswith("--")} - known == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_documented_flag_exists(flags: set[str], page: str) -> None:
    """Each flag on a page exists."""
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / page).read_text()))
    assert named - flags - OF_OTHER_PROGRAMS == set()


@pytest.fixture(scope="module")
def flags() -> set[str]:
    """Return all flags of streamsig."""
    parser, named = commands()
    return {flag for each in (parser, *named.values()) for flag in each._option_string_actions}  # noqa: SLF001


def test_reference_is_generated() -> None:
    """The generated parts of docs/reference are current; `make reference` writes them."""
    stale = [path.name for path, text in reference.pages().items() if path.read_text() != text]
    assert stale == [], "run `make reference`"


def test_nothing_is_left_to_write() -> None:
    """No generated table has a cell that is still to be written by hand."""
    assert [name for name, text in DOCS.items() if reference.UNWRITTEN in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_is_shown(tmp_path: Path, page: str) -> None:
    """Each console command prints the text below it, in a folder with data.csv; `...` is any text."""
    for name in ("data.csv", "config.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for block in re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
        for command, shown in re.findall(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            printed = _printed(command, tmp_path)
            assert doctest.OutputChecker().check_output(_timeless(shown), printed, doctest.ELLIPSIS), printed


def _printed(command: str, folder: Path) -> str:
    """Return what a shell command prints, standard error included."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1 </dev/null\n{command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return _timeless(done.stdout)


def _timeless(text: str) -> str:
    return re.sub(r'("latency_ms": )\d+', r"\1...", text)


def test_exit_codes_in_the_help(workdir: Workdir) -> None:
    """The help text has every exit code with its meaning."""
    shown = workdir.call("--help").out
    assert [code for code, meaning in EXIT_CODES.items() if f"\n  {code:<4}{meaning}" not in shown] == []


def test_every_error_has_a_known_code() -> None:
    """Every error class has an exit code that the table lists."""

    def classes(of: type[StreamsigError]) -> list[type[StreamsigError]]:
        return [of, *(each for child in of.__subclasses__() for each in classes(child))]

    assert {kind.exit_code for kind in classes(StreamsigError)} <= set(EXIT_CODES)
