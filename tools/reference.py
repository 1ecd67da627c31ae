"""Writes the generated parts of docs/reference: `python -m tools.reference`, or `make reference`.

A generated part of a page is between `<!-- generated: NAME -->` and `<!-- end -->`. It comes from the code: flags
from the parsers, config keys from the table of settings, events and errors from their classes, the Python API from its
docstrings, and examples from runs on data.csv. The rest of a page is written by hand. So is the last column of the
tables of metrics keys and events: it is preserved, and a new row gets a cell to fill in.
"""

from __future__ import annotations

import functools
import inspect
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import streamsig
from streamsig import errors
from streamsig.cli.help import TOPICS
from streamsig.cli.main import commands
from streamsig.core.signals import Signal
from streamsig.engine import events
from streamsig.engine.result import Counts, Group, Result, SignalCount
from streamsig.settings.config_file import REQUIRED
from streamsig.settings.settings import SETTINGS, Settings
from streamsig.settings.types import YES_NO
from streamsig.sinks.log import JsonLog
from streamsig.sinks.metrics import success

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
UNWRITTEN = "TODO: say what this is"
UNTITLED = {"options", "positional arguments"}
"""The groups that argparse creates."""
_BLOCK = re.compile(r"(?<=<!-- generated: )(?P<name>[\w ]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the current text of each page of docs/reference."""
    return {path: _filled(path.read_text(encoding="utf-8")) for path in sorted(PAGES.glob("*.md"))}


def _filled(page: str) -> str:
    def block(match: re.Match[str]) -> str:
        return f"{match[0].partition(' -->')[0]} -->\n{BLOCKS[match['name']](match[0])}"

    return _BLOCK.sub(block, page)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; a cell has no bar, since GitHub and the site escape it differently in code."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# flags and config keys


def _flags(command: str) -> str:
    """Return a table of the flags of a command for each of their groups, under the group's title."""
    tables = []
    for group in commands()[1][command]._action_groups:  # noqa: SLF001 (argparse has no public list of them)
        rows = [_flag(action) for action in group._group_actions if "--help" not in action.option_strings]  # noqa: SLF001
        if rows:
            title = "" if group.title in UNTITLED else f"{(group.title or '').capitalize()}:\n\n"
            tables.append(title + _table(("flag", "meaning"), rows))
    return "\n".join(tables)


def _flag(action: argparse.Action) -> tuple[str, str]:
    value = "" if action.nargs == 0 else str(action.metavar or "|".join(action.choices or ())).replace("|", " or ")
    names = [f"`{f'{flag} {value}'.rstrip()}`" for flag in action.option_strings] or [f"`{value}`"]
    return ", ".join(names), _marked(action.help or "")


def _keys(_: str) -> str:
    """Return a table of the keys of a config file."""
    defaults = Settings()
    rows = []
    for key, setting in SETTINGS.items():
        default = getattr(defaults, key)
        shown = "required" if key in REQUIRED else "" if default in (None, ()) else f"`{json.dumps(default)}`"
        flag = f"`{setting.flag}`" if setting.help else ""
        if setting.kind is YES_NO:
            flag = f"`{setting.flag}`, `--no-{setting.flag.removeprefix('--')}`"
        rows.append((f"`{key}`", setting.kind.allowed, shown, flag))
    return _table(("key", "value", "default", "flag"), rows)


def _marked(text: str) -> str:
    """Return a text with its flags as code."""
    return re.sub(r"(?<![\w-])--[a-z][\w-]*", r"`\g<0>`", text)


# results


class Outputs(NamedTuple):
    """The files that a run has written."""

    metrics: dict[str, Any]
    log: list[dict[str, Any]]


@functools.cache
def _run(name: str) -> Outputs:
    """Run `streamsig run NAME` in a new folder with data.csv and config.yaml in it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for each in ("data.csv", "config.yaml"):
            (folder / each).symlink_to(ROOT / each)
        command = [sys.executable, "-m", "streamsig", "run", name]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)  # noqa: S603 (ours)
        lines = (folder / "run.log").read_text(encoding="utf-8").splitlines()
        return Outputs(json.loads((folder / "metrics.json").read_text()), [json.loads(line) for line in lines])


_MEASURED = {
    "ts": "2026-11-26T09:30:00.000Z",
    "latency_ms": 38,
    "elapsed_seconds": 0.041,
    "versions": {"streamsig": "0.1.0", "python": "3.12.3", "numpy": "2.4.6"},
}
"""Values that differ between runs, as the examples show them."""


def _settled(values: Mapping[str, Any]) -> dict[str, Any]:
    settled = {key: _MEASURED.get(key, value) for key, value in values.items()}
    if "settings" in settled:
        settled["settings"] = {**settled["settings"], "threads": 2}
    return settled


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def _metrics(name: str) -> str:
    return _fenced("json", json.dumps(_settled(_run(name).metrics), indent=2))


_TYPES = {str: "text", int: "integer", float: "number", list: "list of texts", dict: "object"}


def _metrics_keys(old: str) -> str:
    """Return the table of metrics keys in their order, with the meanings that the page has."""
    series, signal = Counts(1, 1), Signal(1, 5)
    metrics = success(
        Result(
            *(1, 1, 0, 0, 5, 42, "v1", 1),
            signals={"above": SignalCount(1, 1, signal)},
            warnings=("",),
            files={"data.csv": series},
            groups={"A": Group(1, 1, 0, {})},
            order={"steps_back": 0},
        )
    )
    meanings = _by_hand(old)
    rows = [(f"`{key}`", _TYPES[type(value)], meanings.get(key, UNWRITTEN)) for key, value in metrics.items()]
    return _table(("key", "type", "meaning"), rows)


def _by_hand(old: str) -> dict[str, str]:
    """Return the last column of a table by its first column."""
    return dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", old, re.MULTILINE))


# events


_SAMPLES: dict[str, Any] = {"settings": {}, "versions": {}, "layout": {}, "order": {}, "metrics": {}, "trace": None}


def _events(old: str) -> str:
    """Return a table of the log's events with the fields that they always have."""
    meanings, rows = _by_hand(old), []
    for kind in get_args(events.Event):
        line = _logged(kind(*(_SAMPLES.get(field, 0) for field in kind._fields)))
        if line is not None:
            name = line["event"]
            fields = ", ".join(f"`{key}`" for key in line if key not in {"ts", "level", "event"})
            rows.append((f"`{name}`", line["level"], fields, meanings.get(name, UNWRITTEN)))
    return _table(("event", "level", "fields", "when, and further fields"), rows)


def _logged(event: events.Event) -> dict[str, Any] | None:
    file = io.BytesIO()
    times = iter((0.0, 3600.0, 7200.0))
    JsonLog(file, lambda: next(times))(event)  # type: ignore[arg-type]
    line: dict[str, Any] | None = json.loads(file.getvalue()) if file.getvalue() else None
    return line


def _log(_: str) -> str:
    lines = [json.dumps(_settled(line)) for name in ("data.csv", "missing.csv") for line in _run(name).log]
    return _fenced("json", "\n".join(lines))


# exit codes and errors


def _exit_codes(_: str) -> str:
    return _table(("code", "meaning"), ((str(code), text) for code, text in errors.EXIT_CODES.items()))


def _errors(_: str) -> str:
    """Return a table of the exceptions, with their exit codes."""
    rows = []
    for name in sorted(streamsig.__all__):
        kind = getattr(streamsig, name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
            rows.append((f"`{name}`", bases, str(kind.exit_code), " ".join(inspect.getdoc(kind).split())))
    return _table(("exception", "is a", "exit code", "meaning"), rows)


# the Python API


def _api(_: str) -> str:
    return "\n".join(_api_parts())


def _api_parts() -> Iterator[str]:
    """Yield a section for each function and class, with a table of its public members."""
    things = {name: getattr(streamsig, name) for name in streamsig.__all__}
    functions = [name for name, it in things.items() if inspect.isfunction(it)]
    classes = [name for name, it in things.items() if isinstance(it, type) and not issubclass(it, Exception)]
    for name in functions + classes:
        thing = things[name]
        yield f"## streamsig.{name}\n\n{_fenced('python', _signature(name, thing))}\n{inspect.getdoc(thing)}\n"
        members = {key: it for key, it in vars(thing).items() if name in classes and _is_public(key, it)}
        yield "".join(f"- `{_member(key, it)}`: {_summary(it)}\n" for key, it in members.items())


def _is_public(name: str, member: object) -> bool:
    is_method = inspect.isfunction(member) or isinstance(member, property | classmethod)
    return is_method and not name.startswith("_") and bool(inspect.getdoc(member))


def _member(name: str, member: Any) -> str:  # noqa: ANN401 (a function, a property or a class method)
    if isinstance(member, property):
        return f"{name}: {inspect.signature(member.fget).return_annotation}" if member.fget else name
    return _signature(name, getattr(member, "__func__", member), width=10**6)


def _summary(member: object) -> str:
    return " ".join((inspect.getdoc(member) or "").partition("\n\n")[0].split())


def _signature(name: str, function: Callable[..., Any], width: int = 110) -> str:
    """Return a signature as in the source, on several lines if it is long."""
    signature = inspect.signature(function)
    parts = []
    for parameter in signature.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(it.startswith("*") for it in parts):
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        kind = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        parts.append(f"{stars}{parameter.name}{kind}{_default(parameter.default)}")
    returned = "" if isinstance(function, type) else f" -> {signature.return_annotation}"
    line = f"{name}({', '.join(parts)}){returned}"
    if len(line) <= width:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returned}"


def _default(default: object) -> str:
    if default is inspect.Parameter.empty:
        return ""
    # a field of a dataclass with a factory
    return " = {}" if "factory" in repr(default) else f" = {default!r}"


BLOCKS: dict[str, Callable[[str], str]] = {
    "flags of run": lambda _: _flags("run"),
    "flags of inspect": lambda _: _flags("inspect"),
    "flags of generate": lambda _: _flags("generate"),
    "topics": lambda _: _table(("topic", "page"), ((f"`{topic}`", what) for topic, (_, what) in TOPICS.items())),
    "config keys": _keys,
    "metrics": lambda _: _metrics("data.csv"),
    "metrics of a failure": lambda _: _metrics("missing.csv"),
    "metrics keys": _metrics_keys,
    "events": _events,
    "log": _log,
    "exit codes": _exit_codes,
    "errors": _errors,
    "api": _api,
}
"""The generator of each part, by the name in its comment; its argument is the current part."""


def main() -> None:
    """Write the pages that have changed, and print their names."""
    for path, text in pages().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
