"""What the program can do is written down, and what is written down is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamsig.errors import EXIT_CODES, StreamsigError

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").rglob("*.md"))}


def test_every_page_is_in_the_navigation() -> None:
    """The site's navigation has every page of docs/, and no other."""
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())) == pages


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{name}" for name in PAGES)])
def test_every_link_leads_somewhere(page: str) -> None:
    """Each relative link leads to a file of the repository, and to a heading of it if it names one."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", (ROOT / page).read_text()):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site give to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("command", ["run", "generate", "inspect"])
def test_every_flag_is_documented(workdir: Workdir, command: str) -> None:
    """Each flag of the help text is in the README or in the docs."""
    flags = set(re.findall(r"--[a-z][a-z-]+", workdir.call(command, "--help").out))
    known = set(re.findall(r"--[a-z][a-z-]+", "\n".join([README, *DOCS.values()])))
    opposites = {flag.replace("--", "--no-", 1) for flag in known}
    assert flags - known - opposites - {"--help"} == set()


def test_every_documented_flag_exists(workdir: Workdir) -> None:
    """The README names no flag of `streamsig` that is not there."""
    there = "".join(workdir.call(*command, "--help").out for command in ([], ["run"], ["generate"], ["inspect"]))
    lines = [line for line in README.splitlines() if re.match(r"\s*(\$ )?(.*\| )?streamsig ", line)]
    named = set(re.findall(r"--[a-z][a-z-]+", "\n".join(line[line.index("streamsig") :] for line in lines)))
    assert {flag for flag in named if flag not in there} == set()


def test_exit_codes_in_the_readme() -> None:
    """The table of the README has every exit code and no other."""
    table = README[README.index("| exit code |") :].split("\n\n")[0]
    assert [int(code) for row in table.splitlines() for code in re.findall(r"\d+", row.split("|")[1])] == [*EXIT_CODES]


def test_exit_codes_in_the_help(workdir: Workdir) -> None:
    """The help text has every exit code with its meaning."""
    shown = workdir.call("run", "--help").out
    assert [code for code, meaning in EXIT_CODES.items() if f"\n  {code:<4}{meaning}" not in shown] == []


def test_every_error_has_a_known_code() -> None:
    """No class of errors ends in a code that the table does not have."""

    def classes(of: type[StreamsigError]) -> list[type[StreamsigError]]:
        return [of, *(each for child in of.__subclasses__() for each in classes(child))]

    assert {kind.exit_code for kind in classes(StreamsigError)} <= set(EXIT_CODES)


def test_metrics_document(workdir: Workdir) -> None:
    """docs/metrics.md has every key of the metrics, in their order, and its first example is real."""
    example = re.findall(r"```json\n(.*?)```", DOCS["metrics.md"], re.DOTALL)[0]
    found = workdir.run(ROOT / "data.csv").metrics
    documented = json.loads(example)
    assert list(documented) == list(found)
    assert {**documented, "latency_ms": 0} == {**found, "latency_ms": 0}
    table = re.findall(r"^\| `(\w+)`", DOCS["metrics.md"], re.MULTILINE)
    assert table[: len(found)] == list(found)


def test_log_document(workdir: Workdir) -> None:
    """docs/log.md has every event, and its example lines have the fields of real ones, in their order."""
    example = re.findall(r"```json\n(.*?)```", DOCS["log.md"], re.DOTALL)[0]
    workdir.run(ROOT / "data.csv")
    workdir.fails(3, "none.csv")
    real = {line["event"]: line for line in workdir.log()}
    documented = {line["event"]: line for line in map(json.loads, example.splitlines())}
    for event, line in real.items():
        assert list(documented[event]) == list(line), event
    assert list(documented["run_started"]["settings"]) == list(real["run_started"]["settings"])
    for event in documented:
        assert f"| `{event}`" in DOCS["log.md"]
