"""YAML without features that a config file never needs."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml


def load(text: bytes) -> object:
    """Return the contents of a YAML document; raises ValueError with the line and the problem."""
    try:
        document: object = yaml.load(text, _StrictLoader)  # noqa: S506 (a SafeLoader that allows less)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "not YAML"
        raise ValueError(f"{place}: {problem}") from error
    return document


_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")


class _StrictLoader(yaml.SafeLoader):
    """Refuses aliases (which can expand without bound), tags, duplicate keys, and numbers with surprising values.

    In YAML, `010` is 8 and `1:30` is 90.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed here", event.start_mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) not in {None, "!"}:
            raise yaml.composer.ComposerError(None, None, "tags are not allowed here", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 (PyYAML's signature)
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                problem = f'key "{key!s:.80}" is there twice; remove one'
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key if isinstance(key, Hashable) else id(key_node))
        return super().construct_mapping(node, deep)

    def construct_plain_int(self, node: yaml.ScalarNode) -> int:
        if not _DECIMAL.fullmatch(node.value):
            problem = f"{node.value!r:.80} is no plain whole number; write its decimal digits"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return self.construct_yaml_int(node)


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_plain_int)
