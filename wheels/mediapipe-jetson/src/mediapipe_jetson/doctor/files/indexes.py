"""Where a project's settings take packages from, if that is not PyPI."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from mediapipe_jetson.doctor.files.facts import Requirement

REGISTRY = re.compile(r"https?://(pypi\.org|files\.pythonhosted\.org)(/|$)")
PLACES = ("index", "git", "url", "path")


def given(requirements: list[Requirement], document: dict[str, Any]) -> list[Requirement]:
    """Return these requirements, each with the place that it is taken from."""
    tool = _table(document, "tool")
    own = {
        re.sub(r"[-_.]+", "-", key).lower(): value
        for key, value in _table(_table(tool, "uv"), "sources").items()
    }
    common = next(_common(document, tool), "")
    result = []
    for item in requirements:
        ways = list(_ways(own.get(item.name)))
        if item.source or not (ways or common):
            result.append(item)
        for source, marker in ways if not item.source else ():
            both = " and ".join(f"({text})" for text in (item.marker, marker) if text)
            text = f"{item.text} from {source}"
            result.append(dataclasses.replace(item, source=source, marker=both, text=text))
        if common and not ways and not item.source:
            result.append(dataclasses.replace(item, source=common))
    return result


def _ways(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 # of a parsed document
    """Return the places of uv's entry, each with its marker."""
    for way in value if isinstance(value, list) else [value]:
        table = way if isinstance(way, dict) else {}
        source = next((str(table[key]) for key in PLACES if key in table), "")
        if source:
            yield source, str(table.get("marker", ""))


def _common(document: dict[str, Any], tool: dict[str, Any]) -> Iterator[str]:
    """Return the indexes that every package may come from: uv's, Poetry's, PDM's, Pipenv's."""
    uv = _table(tool, "uv")
    for table in (uv, _table(uv, "pip")):
        for key in ("index-url", "extra-index-url", "find-links"):
            yield from _others(table.get(key))
    for entry in _tables(uv.get("index")):
        if not entry.get("explicit"):
            yield from _others(entry.get("url"))
    for entry in _tables(_table(tool, "poetry").get("source")):
        if entry.get("priority") != "explicit":
            yield from _others(entry.get("url"))
    for entry in _tables(_table(tool, "pdm").get("source")):
        yield from _others(entry.get("url"))
    # Of Pipenv's, packages that name none come from the first.
    for entry in _tables(document.get("source"))[:1]:
        yield from _others(entry.get("url"))


def _others(value: Any) -> Iterator[str]:  # noqa: ANN401 # of a parsed document
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and text and not REGISTRY.match(text):
            yield text


def _table(document: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 # of a parsed document
    result = document.get(name) if isinstance(document, dict) else None
    return result if isinstance(result, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 # of a parsed document
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
