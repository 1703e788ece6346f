"""Which parts of a project have to do with MediaPipe: a service beside them may not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor import pins, projects
from mediapipe_jetson.doctor.files import dockerfiles, documents, elsewhere, markers
from mediapipe_jetson.doctor.files.facts import BaseImage, PythonPin, Requirement
from mediapipe_jetson.doctor.sources import Scan

# What a file takes from outside of its folder, or may.
ELSEWHERE = re.compile(
    r"\.\.|--mount|^\s*(?:COPY|ADD)\b(?:.*[*?\[$]|\s+(?:--\S+\s+)*/|.*--from=)", re.I | re.M
)
MOST_WORDS = 100
# Kinds of files that make a folder a part of the project by itself; others serve other folders.
OWN = {"python", "notebook", "requirements", "settings", "cfg", "lock"}
ASKING = {"requirements", "settings", "cfg", "lock"}
# Files that are of the project that their folder is. Others, such as scripts, may be for
# any folder, unless their own has all that they take.
OF_THEIR_FOLDER = {"settings", "cfg", "lock", "python_version"}


def pythons(scan: Scan) -> list[PythonPin]:
    """Return the Pythons that are asked for where MediaPipe may be."""
    folders = _Folders.of(scan)
    return [
        pin
        for pin in scan.pythons
        if folders.concern(_folder(pin.file))
        or not (
            scan.kinds.get(pin.file) in OF_THEIR_FOLDER or _stands_alone(scan, folders, pin.file)
        )
    ]


def images(scan: Scan, of: Optional[list[BaseImage]] = None) -> list[BaseImage]:
    """Return the images whose Python counts: its packages are installed there, or it runs there.

    They are of these, else of all.
    """
    folders = _Folders.of(scan)
    every = scan.images if of is None else of
    return [image for image in every if image.packages and _is_built(scan, folders, image)]


@dataclass(frozen=True)
class _Folders:
    """Folders by what is below them; "" is the project itself."""

    files: frozenset[str]
    """The files that have to do with MediaPipe."""
    with_mediapipe: frozenset[str]
    with_parts: frozenset[str]
    """With parts of the project that stand by themselves."""
    asking: Mapping[str, frozenset[str]]
    """The names of the files that ask for packages, by their own folder."""

    @classmethod
    def of(cls, scan: Scan) -> _Folders:
        """Return those of a project."""
        files = frozenset(_files(scan))
        own = {name for name, kind in scan.kinds.items() if kind in OWN}
        asking: dict[str, set[str]] = {}
        for name, kind in scan.kinds.items():
            if kind in ASKING:
                asking.setdefault(_folder(name), set()).add(PurePosixPath(name).name)
        frozen = {folder: frozenset(names) for folder, names in asking.items()}
        return cls(files, frozenset(_above(files)), frozenset(_above(own)), frozen)

    def concern(self, folder: str) -> bool:
        """Return whether what is below a folder may have to do with MediaPipe."""
        if not self.files or not folder or folder in self.with_mediapipe:
            return True
        return folder not in self.with_parts


def _above(names: Iterable[str]) -> Iterator[str]:
    """Yield all folders above files, at any depth."""
    for name in names:
        yield from (str(folder) for folder in PurePosixPath(name).parents)


def _files(scan: Scan) -> set[str]:
    """Return the files that have to do with MediaPipe; none where no file has."""
    known = projects.table()
    inside = {*known["legacy_packages"], *known["tasks_packages"]}
    result = {
        name
        for name, content in scan.texts.items()
        if scan.kinds[name] != "markdown" and b"mediapipe" in content.lower()
    }
    result |= {
        item.file
        for item in scan.requirements
        if pins.is_mediapipe(item.name) or item.name in inside
    }
    result |= {wheel.file for wheel in scan.wheels if "mediapipe" in wheel.file.lower()}
    return result | scan.programs.followed


def _is_built(scan: Scan, folders: _Folders, image: BaseImage) -> bool:
    """Return whether an image may be built with files that have to do with MediaPipe.

    Where no file names the folder that it is built from, that is its own if it has all it takes.
    """
    if image.file in folders.files or scan.kinds.get(image.file) != "dockerfile":
        return True
    named = scan.contexts.get(image.file)
    if not named:
        return folders.concern(_folder(image.file)) or not _stands_alone(scan, folders, image.file)
    return any(folders.concern(folder) for folder in named)


def _stands_alone(scan: Scan, folders: _Folders, file: str) -> bool:
    """Return whether a file's folder is a project by itself, and the file takes nothing else."""
    folder = _folder(file)
    asking = folders.asking.get(folder, frozenset())
    # What has the same name at the top may be the one that is meant.
    if not asking or any(name in scan.kinds for name in asking):
        return False
    text = documents.decoded(scan.texts.get(file, b""))
    if ELSEWHERE.search(text) or f"{folder}/" in text:
        return False
    if scan.kinds[file] != "dockerfile":
        return True
    try:
        paths = list(islice(dockerfiles.copied(text), MOST_WORDS))
        return bool(paths) and all((scan.folder / folder / path).exists() for path in paths)
    except OSError:
        return False  # a name that no file can have


def otherwise(scan: Scan, item: Requirement) -> str:
    """Return why it is not known whether a list's entry is what is installed; "" if it is."""
    changed = scan.changed.get(item.file, "")
    if changed and item.file not in scan.plain:
        return f"{changed} changes or replaces it; what is installed then is judged there"
    beside = _for_boards(scan, item)
    return f"{beside} beside it is for boards; which is installed is not known" if beside else ""


def _for_boards(scan: Scan, item: Requirement) -> str:
    """Return the list beside this one that is for boards, where nothing installs this one.

    "" where there is none, or where a script, a Dockerfile or a program names this list, or
    documents have people install it and not the other one.
    """
    name = PurePosixPath(item.file).name
    if scan.kinds.get(item.file) != "requirements" or elsewhere.for_boards(name):
        return ""
    beside = (
        other.file
        for other in scan.requirements
        if pins.is_mediapipe(other.name)
        and scan.kinds.get(other.file) == "requirements"
        and _folder(other.file) == _folder(item.file)
        and elsewhere.for_boards(other.file)
        and not markers.elsewhere(other.marker)
    )
    own = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])".encode())
    named = any(
        own.search(text)
        for file, text in scan.texts.items()
        if file != item.file and scan.kinds[file] != "markdown"
    )
    board_list = next(beside, "")
    if named or (
        _is_documented(scan, name) and not _is_documented(scan, PurePosixPath(board_list).name)
    ):
        return ""
    return board_list


def _is_documented(scan: Scan, name: str) -> bool:
    """Return whether a document has people install this list."""
    path = rf"(?:\S{{0,200}}/)?{re.escape(name)}(?![\w-]|\.\w)"
    pattern = re.compile(rf"\s(?:-r|--requirement)[ =]{{0,4}}{path}".encode())
    return bool(name) and any(
        pattern.search(text) for file, text in scan.texts.items() if scan.kinds[file] == "markdown"
    )


def _folder(file: str) -> str:
    parent = PurePosixPath(file).parent.as_posix()
    return "" if parent == "." else parent
