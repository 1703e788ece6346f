"""What constraints files pin for requirements that they are given with (pip install -c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import versions
from mediapipe_jetson.doctor.files import dockerfiles, documents
from mediapipe_jetson.doctor.files.facts import COMMAND, MANIFEST, Requirement
from mediapipe_jetson.doctor.sources import Scan

OPTION = re.compile(r"(?:-c|--constraints?)(?:=(?P<name>.+))?")
OF_LIST = re.compile(r"^\s*(?:-c|--constraint)[ =]\s*(\S+)", re.MULTILINE)
SET = re.compile(r"\b(?:PIP|UV)_CONSTRAINT(?:=|\s+)[\"']?([^\s\"']+)")
SCRIPTS = ("shell", "dockerfile")


def covers(scan: Scan, item: Requirement) -> bool:
    """Return whether a constraints file pins what this asks for, wherever it is installed."""
    if item.source or item.specifier.startswith("=="):
        return False
    pins = [
        PurePosixPath(other.file).name
        for other in scan.asking(item.name)
        if other is not item and _pins(other, item)
    ]
    if not pins:
        return False
    if item.role == COMMAND:
        return bool(_of_command(scan, item) & set(pins))
    if item.role != MANIFEST or scan.kinds.get(item.file) != "requirements":
        return False
    if _names(OF_LIST.findall(_text(scan, item.file))) & set(pins):
        return True
    given = list(_given(scan, PurePosixPath(item.file).name))
    return bool(given) and all(names & set(pins) for names in given)


def _pins(other: Requirement, item: Requirement) -> bool:
    match = re.fullmatch(r"===?\s*([^*,\s]+)", other.specifier.strip())
    try:
        return match is not None and bool(versions.allowed(item.specifier, [match[1]]))
    except ValueError:
        return False


def _of_command(scan: Scan, item: Requirement) -> set[str]:
    """Return the constraints files that a command is given, by their names."""
    text = _text(scan, item.file)
    for _, words, line in dockerfiles.commands(text):
        if any(number == item.line for number, _ in line.parts) and item.text in words:
            return _options(words) | _names(SET.findall(text))
    return set()


def _given(scan: Scan, name: str) -> Iterator[set[str]]:
    """Yield the constraints files of each command that installs a list, by their names."""
    for file, kind in scan.kinds.items():
        text = _text(scan, file) if kind in SCRIPTS else ""
        for _, words, _ in dockerfiles.commands(text) if name in text else ():
            lists = (word.partition("=")[2] or word for word in words)
            if "install" in words and name in _names(lists):
                yield _options(words) | _names(SET.findall(text))


def _options(words: list[str]) -> set[str]:
    found = [
        match["name"] or (words[at + 1] if at + 1 < len(words) else "")
        for at, word in enumerate(words)
        if (match := OPTION.fullmatch(word))
    ]
    return _names(found)


def _names(paths: Iterable[str]) -> set[str]:
    return {PurePosixPath(path).name for path in paths}


def _text(scan: Scan, file: str) -> str:
    return documents.decoded(scan.texts.get(file, b""))
