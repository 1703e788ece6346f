"""The packages that a project itself is: its programs are read, no index is asked for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from mediapipe_jetson.doctor.files import documents, machines, scripts
from mediapipe_jetson.doctor.files.requirements import normal

CFG = re.compile(r"^\[metadata\][^\[]*?^name\s*=\s*([\w.-]+)", re.MULTILINE)
MANIFEST = re.compile(r"/(pyproject\.toml|setup\.(py|cfg)|package\.xml)$")
NAME = re.compile(r"[\w.-]+")
OFFICIAL = "mediapipe"


def names(files: Iterable[tuple[str, str, bytes]]) -> frozenset[str]:
    """Return their names as PyPI compares them; files are kind, name and content.

    MediaPipe's own is left out: a project may ask for it under that name.
    """
    own_names = {
        normal(name) for kind, path, content in files for name in _named(kind, path, content)
    }
    return frozenset(own_names - {OFFICIAL})


def folders(paths: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the folders of installed packages' modules, as parts: each with its src."""
    own = {PurePosixPath(path).parent.parts for path in paths if MANIFEST.search(path)}
    return {place for parts in own if parts for place in (parts, (*parts, "src"))}


def _named(kind: str, path: str, content: bytes) -> Iterator[str]:
    name = PurePosixPath(path).name
    if kind == "settings" and name == "pyproject.toml":
        try:
            document = documents.toml(content)
        except ValueError:
            return  # its own reader reports it
        for table in (_table(document, "project"), _table(_table(document, "tool"), "poetry")):
            if isinstance(table.get("name"), str):
                yield table["name"]
    elif name == "setup.cfg":
        yield from CFG.findall(documents.decoded(content))
    elif name == "setup.py":
        yield from _given(content)


def _given(content: bytes) -> Iterator[str]:
    """Return the name that a setup.py gives setup() itself, by a text or a constant of its own."""
    try:
        tree = machines.parsed(content, "setup.py")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # its own reader reports it
    known = scripts.constants(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "attr", getattr(node.func, "id", "")) != "setup":
            continue
        for item in (keyword.value for keyword in node.keywords if keyword.arg == "name"):
            value = getattr(item, "value", known.get(getattr(item, "id", "")))
            if isinstance(value, str) and NAME.fullmatch(value):
                yield value


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
