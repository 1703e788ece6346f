"""Which files of a folder may have to do with MediaPipe: parsing all of a project is slow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.imports import import_lines

MENTIONED = b"mediapipe"
BY_NAME = re.compile(rb"\b(?:import_module|__import__|importorskip)\s*\(\s*[\"']([\w.]+)")
# Within a notebook's texts too.
ANYWHERE = re.compile(
    rb"(?:^|[\"'])[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def reached(contents: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """Return the files that mention MediaPipe or import those, and with them what these import.

    Import lines are read by their look: what has the name of a module counts as that module.
    """
    start = [name for name, content in contents.items() if MENTIONED in content]
    if not start:
        return [], []
    imports = {name: _named_parts(name, content) for name, content in contents.items()}
    files: dict[str, list[str]] = {}
    for name in contents:
        files.setdefault(_module(name), []).append(name)
    importers: dict[str, list[str]] = {}
    for name, imported in imports.items():
        for module in imported & files.keys():
            importers.setdefault(module, []).append(name)
    above = _closure(start, lambda name: importers.get(_module(name), ()))
    below = _closure(
        above, lambda name: [item for module in imports[name] for item in files.get(module, ())]
    )
    return sorted(above), sorted(below)


def _module(name: str) -> str:
    """Return the last part of a module's name; a package's is its folder's."""
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "__init__" else path.stem


def _named_parts(name: str, content: bytes) -> set[str]:
    result = set()
    folders = [folder.name for folder in PurePosixPath(name).parents]
    for base, items in import_lines(content):
        result |= {word for dotted in (base, *items) for word in dotted.split(".") if word}
        if base and not base.strip("."):
            # `from .. import x` may take x from the package itself.
            result.add(folders[min(len(base), len(folders)) - 1])
    for word in BY_NAME.findall(content):
        result |= set(word.decode(errors="replace").split("."))
    return result - {""}


def importing(content: bytes, modules: Iterable[str]) -> list[str]:
    """Return which of these files' modules a notebook or its like may import."""
    imported = {
        part
        for pair in ANYWHERE.findall(content)
        for group in pair
        for part in re.findall(r"\w+", group.decode(errors="replace"))
    }
    return sorted(name for name in modules if _module(name) in imported)


def _closure(start: Iterable[str], near: Callable[[str], Iterable[str]]) -> set[str]:
    """Return what is reached from `start` step by step."""
    result, waiting = set(start), list(start)
    while waiting:
        for name in near(waiting.pop()):
            if name not in result:
                result.add(name)
                waiting.append(name)
    return result
