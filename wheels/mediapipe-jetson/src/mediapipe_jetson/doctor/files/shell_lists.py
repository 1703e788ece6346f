"""Packages in the lists of shell scripts: arrays, and what a loop goes through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mediapipe_jetson.doctor.files.facts import COMMAND, Requirement
from mediapipe_jetson.doctor.files.requirements import one

# A variable that is installed: pip install "$pkg", pip install "${PKGS[@]}".
INSTALLED = re.compile(r"\binstall\b[^\n]*\$\{?(?P<name>\w+)")
ARRAY = re.compile(
    r"^[ \t]*(?:(?:declare|local|readonly)[ \t]+(?:-\w+[ \t]+)*)?"
    r"(?P<name>\w+)\+?=\((?P<list>[^()]*)\)",
    re.M,
)
LOOP = re.compile(r"\bfor\s+(?P<name>\w+)\s+in\s+(?P<list>[^;]*?)(?:;|\n\s*do\b)")
ITEM = re.compile(r"#[^\n]*|[\"']?(?P<item>[A-Za-z][^\s\"']*)[\"']?")


def packages(text: str, file: str, cell: int = 0) -> Iterator[Requirement]:
    """Return what stands in lists of which a variable is installed, if it is MediaPipe."""
    if "mediapipe" not in text:
        return
    names = {match["name"] for match in INSTALLED.finditer(text)}
    loops = list(LOOP.finditer(text))
    # A loop goes through an array, whose items are installed one by one.
    for match in loops:
        if match["name"] in names:
            names.update(re.findall(r"\$\{?(\w+)", match["list"]))
    for match in [*ARRAY.finditer(text), *loops]:
        if match["name"] not in names:
            continue
        for item in ITEM.finditer(match["list"]):
            word = item["item"] or ""
            found = re.match(r"mediapipe\b", word, re.I) and one(
                word,
                file,
                text.count("\n", 0, match.start("list") + item.start()) + 1,
                cell,
                COMMAND,
            )
            if found:
                yield found
