"""Read the Pythons in version managers' files."""

from __future__ import annotations

import re

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.facts import PythonPin

LINE = re.compile(r"\s*(?:python[\s-]|cpython-)?(\d+\.\d+(?:\.\d+)?)\s*$")


def plain(name: str, content: bytes) -> list[PythonPin]:
    """Read .python-version, .tool-versions or runtime.txt."""
    lines = enumerate(documents.decoded(content).splitlines(), 1)
    return [
        PythonPin(name, number, f"=={match.group(1)}", line.strip())
        for number, line in lines
        if (match := LINE.match(line))
    ]


def mise(name: str, content: bytes) -> list[PythonPin]:
    """Read mise.toml: a version, a table with one, or a list of them. Raises ValueError."""
    tools = documents.toml(content).get("tools")
    value = tools.get("python") if isinstance(tools, dict) else None
    value = value.get("version") if isinstance(value, dict) else value
    text = documents.decoded(content)
    return [
        PythonPin(name, documents.line_of(text, version), f"=={version}", f'python = "{version}"')
        for version in (value if isinstance(value, list) else [value])
        if isinstance(version, str) and re.match(r"\d+\.\d+", version)
    ]
