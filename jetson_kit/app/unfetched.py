"""What git has not fetched of an application's folder: files of Git LFS, and submodules."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.app import tree
from jetson_kit.app.settings import App
from jetson_kit.app.tree import Entry, Tree

# The first line of what stands for a file, and the most bytes of it: specification of Git LFS.
POINTER, LARGEST = b"version https://git-lfs.github.com/spec/v1\n", 1024
MODULES = ".gitmodules"
SHOWN = 5


def warnings(app: App, files: Tree) -> Iterator[str]:
    """Yield a line for files that are pointers, and one for submodules that are empty."""
    pointers = [entry.name for entry in files.entries if _is_pointer(entry)]
    if pointers:
        yield (
            f"{_some(pointers)}: what stands for a file of Git LFS, and not the file itself: "
            "git lfs pull fetches it"
        )
    paths = [path for path in _submodules(app.folder) if not tree.matches(path, app.ignore)]
    empty = [path for path in paths if _is_empty(app.folder / path)]
    if empty:
        yield (
            f"{_some(empty)}: a submodule without its files: git submodule update --init fetches "
            "them"
        )


def _is_pointer(entry: Entry) -> bool:
    if entry.link or not len(POINTER) < entry.size <= LARGEST:
        return False
    with entry.source.open("rb") as stream:
        return stream.read(len(POINTER)) == POINTER


def _submodules(folder: Path) -> list[str]:
    """Return the paths that .gitmodules has, none where it can't be read as git writes it."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(
            "\n".join(map(str.strip, (folder / MODULES).read_text("utf-8").splitlines()))
        )
    except (OSError, ValueError, configparser.Error):
        return []
    return [row["path"] for row in map(dict, parser.values()) if row.get("path")]


def _is_empty(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
