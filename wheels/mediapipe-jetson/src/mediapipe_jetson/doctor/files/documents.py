"""Read TOML, YAML and JSON by their parsers, with line numbers."""

from __future__ import annotations

import codecs
import dataclasses
import importlib
import json
import re
from typing import Any, Optional

from mediapipe_jetson.doctor.files.unreadable import FormError

DEEPEST = 40


@dataclasses.dataclass(frozen=True)
class Node:
    """A value of a YAML document with its line, from 1."""

    value: Any
    line: int

    def get(self, name: str) -> Optional[Node]:
        """Return an entry of a mapping, None where there is none."""
        node = self.value.get(name) if isinstance(self.value, dict) else None
        return node if isinstance(node, Node) else None

    def plain(self) -> Any:  # noqa: ANN401 # whatever the document holds
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def decoded(content: bytes) -> str:
    """Return a file's text: UTF-16 if it begins with that byte order mark, as pip reads it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")


def toml(content: bytes) -> dict[str, Any]:
    """Return a TOML document. Raises FormError, also where there is no parser."""
    for name in ("tomllib", "tomli"):
        try:
            parser = importlib.import_module(name)
        except ImportError:
            continue
        try:
            result: dict[str, Any] = parser.loads(decoded(content))
        except ValueError as error:
            place = re.search(r"at line (\d+)", str(error))
            where = f"line {place.group(1)}: " if place else ""
            raise FormError(f"{where}it is not valid TOML") from error
        return result
    raise FormError("this Python has no TOML parser; pip install tomli")


def json_of(content: bytes) -> Any:  # noqa: ANN401 # whatever the document holds
    """Return a JSON document. Raises ValueError."""
    return json.loads(decoded(content))


def yaml(content: bytes) -> list[Node]:
    """Return a YAML file's documents, aliases and merge keys resolved.

    Raises FormError, also where there is no parser.
    """
    try:
        parser = importlib.import_module("yaml")
    except ImportError as error:
        raise FormError("this Python has no YAML parser; pip install pyyaml") from error
    try:
        loader = parser.SafeLoader(decoded(content))
        documents = []
        while loader.check_node():
            documents.append(_node(parser, loader, loader.get_node(), {}, 0))
    except parser.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise FormError(f"{where}it is not valid YAML") from error
    return documents


def _node(parser: Any, loader: Any, node: Any, known: dict[int, Node], depth: int) -> Node:  # noqa: ANN401
    """Return one node of PyYAML's; an alias is what its anchor has made (`known`)."""
    if depth > DEEPEST:
        raise FormError("it is nested too deeply")
    if id(node) not in known:
        known[id(node)] = _build_node(parser, loader, node, known, depth)
    return known[id(node)]


def _build_node(parser: Any, loader: Any, node: Any, known: dict[int, Node], depth: int) -> Node:  # noqa: ANN401
    line = node.start_mark.line + 1
    if isinstance(node, parser.MappingNode):
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, item in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                parts = item.value if isinstance(item, parser.SequenceNode) else [item]
                for part in reversed(parts):
                    inner = _node(parser, loader, part, known, depth + 1).value
                    merged.update(inner if isinstance(inner, dict) else {})
            elif not isinstance(key, parser.ScalarNode):
                raise FormError(f"line {key.start_mark.line + 1}: a key is no text")
            else:
                result = _node(parser, loader, item, known, depth + 1)
                own[str(key.value)] = Node(result.value, key.start_mark.line + 1)
        return Node({**merged, **own}, line)
    if isinstance(node, parser.SequenceNode):
        return Node([_node(parser, loader, item, known, depth + 1) for item in node.value], line)
    tag = node.tag
    if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int"):
        return Node(loader.construct_object(node), line)
    return Node(node.value, line)


def line_of(text: str, *terms: str) -> int:
    """Return the line, from 1, of the last of these terms, each searched after the one before."""
    start = 0
    for term in terms:
        match = re.compile(rf"(?<![\w-]){re.escape(term)}(?![\w-])", re.IGNORECASE).search(
            text, start
        )
        if match:
            start = match.start() if term is terms[-1] else match.end()
    return text.count("\n", 0, start) + 1


def key_line(text: str, key: str, header: str = "") -> int:
    """Return the line of a TOML key; with `header`, below the table of this name."""
    start, end = 0, len(text)
    parts = [rf"[\"']?{re.escape(part)}[\"']?" for part in header.split(".")]
    head = (
        re.search(rf"^[ \t]*\[+\s*{'[.]'.join(parts)}\s*\]", text, re.MULTILINE) if header else None
    )
    if head:
        start = head.end()
        following = re.search(r"^[ \t]*\[", text[start:], re.MULTILINE)
        end = start + following.start() if following else end
    pattern = re.compile(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?\s*=", re.MULTILINE)
    match = pattern.search(text, start, end) or pattern.search(text)
    return text.count("\n", 0, match.end()) + 1 if match else line_of(text, key)
