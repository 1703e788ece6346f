"""The tests that pages name as what shows a statement: each is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.paths import ROOT
from jetson_kit.guides import links

PLACES = ("tests", "wheels")
NAMED = re.compile(r"`((?:tests/[\w/-]+(?:\.py)?|test_\w+(?:\.py)?)(?:::\w+)*)`")
FUNCTION = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)


def problems(root: Path = ROOT) -> list[str]:
    """Return each name of a test that there is not, a line each."""
    files = [path for place in PLACES for path in (root / place).rglob("test_*.py")]
    known = {path.name for path in files}
    for path in files:
        known.update(FUNCTION.findall(path.read_text(encoding="utf-8")))
    return [line for page in links.pages(root) for line in _problems(page, root, known)]


def _problems(page: Path, root: Path, known: set[str]) -> Iterator[str]:
    for name in NAMED.findall(page.read_text(encoding="utf-8")):
        path, *functions = name.split("::")
        there = (root / path).exists() if "/" in path else path in known
        if not there or not known.issuperset(functions):
            yield f"{page.relative_to(root)}: there is no test {name}"
