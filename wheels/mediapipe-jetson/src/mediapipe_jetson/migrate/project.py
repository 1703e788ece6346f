"""Migrates a folder: which files, what was seen in them, and writing all of them or none."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Optional, Union

import libcst as cst

from mediapipe_jetson.doctor.files import kinds, reading, unreadable
from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.legacy import parse
from mediapipe_jetson.migrate import apart, glued, reach, texts, together, unreached
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.facts import Facts
from mediapipe_jetson.migrate.follow import follow
from mediapipe_jetson.migrate.outcome import MENTIONED, Outcome, Program
from mediapipe_jetson.migrate.writing import Change, MigrateError, write

LEGACY = re.compile(
    rb"mediapipe\.(python|solutions|framework)|\.solutions\b|import[^\n]*\bsolutions\b"
)
__all__ = ["Change", "MigrateError", "Outcome", "migrate", "write"]
SKIPPED = {"venv", "env", "build", "dist", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
FILES_MOST = 20_000
NOTEBOOK = ".ipynb"
# Cython, stubs and templates: no program as it stands.
OTHERS = {".pyx", ".pxd", ".pxi", ".pyi", ".j2", ".jinja", ".jinja2", ".mako", ".tmpl"}
SUFFIXES = {".py", ".pyw", NOTEBOOK, *OTHERS}
SHEBANG = re.compile(rb"#![^\n]*python")
DEEPEST = 400
LARGEST_BYTES = 256_000_000
"""Of a file that is looked through for old code; notebooks hold pictures."""
IMPORTING = "it may import {}, which is rewritten; look through it"
UNREADABLE = "no program that LibCST can read"
RECURSION = 20_000
"""Frames that LibCST takes for code that is nested that deeply."""


def migrate(folder: Path, *, gpu: bool = False) -> Outcome:
    """Return what migrating a folder or a file would change; with `gpu` it asks for the GPU.

    Raises MigrateError.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        return _migrated(folder, Outcome(gpu=gpu))
    finally:
        sys.setrecursionlimit(limit)


def _migrated(folder: Path, outcome: Outcome) -> Outcome:
    if not folder.exists():
        raise MigrateError(f"{folder} does not exist; name a folder or a program")
    if reading.kernels(folder):
        raise MigrateError(f"{folder} leads into {reading.kernels(folder)}: {reading.NONE}")
    programs = {program.name: program for program in _programs(folder, outcome)}
    # First which files are old at all: LibCST is slow, and the others need not be read by it.
    facts = _followed(folder, programs, {})
    modules = {}
    trees = {name: item.tree for name, item in programs.items()}
    odd = {name for name, item in programs.items() if item.odd}
    unreached.note(facts, trees)
    alone = apart.left_alone(facts, trees)
    outcome.differs += [Note(name, line, 1, apart.LEFT) for name, line in alone.items()]
    for name in sorted(((facts.legacy_files() | odd) & programs.keys()) - alone.keys()):
        module, line, why = _module(programs[name])
        if module is None:
            outcome.refused.append(Note(name, line, 1, why))
        else:
            modules[name] = module
    places = {name: texts.find(module) for name, module in modules.items()}
    if any(places.values()):
        facts = _followed(folder, programs, places)
        unreached.note(facts, trees)
    together.rewritten(programs, modules, facts, outcome)
    changed = [change.name for change in outcome.changes]
    for name, content in outcome.others.items():
        for other in reach.importing(content, changed)[:1]:
            outcome.unread.append(Note(name, 1, 1, IMPORTING.format(other)))
    outcome.refused.sort()
    outcome.unread.sort()
    outcome.differs.sort()
    return outcome


def _programs(folder: Path, outcome: Outcome) -> Iterator[Program]:
    """Yield the programs that can be read; the others are noted, as refused if they are old."""
    paths: dict[str, Path] = {}
    contents: dict[str, bytes] = {}
    for path in _files(folder, outcome):
        name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
        content, old, why = _content(path)
        if why:
            (outcome.refused if old else outcome.unread).append(Note(name, 1, 1, why))
        elif path.suffix.lower() in (NOTEBOOK, *OTHERS):
            outcome.others[name] = content
        elif content:
            paths[name], contents[name] = path, content
    chosen, reached = reach.reached(contents)
    for name in reached:
        program = _program(paths[name], name, contents[name], name in chosen)
        if isinstance(program, Program):
            yield program
        else:
            old = LEGACY.search(contents[name]) is not None
            (outcome.refused if old else outcome.unread).append(program)


def _files(folder: Path, outcome: Outcome) -> Iterator[Path]:
    """Yield programs and notebooks; folders that can't be read are noted.

    Raises MigrateError where there are too many files.
    """

    def unseen(error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        outcome.unread.append(Note(f"{name}/", 1, 1, unreadable.why(error)))

    if folder.is_file():
        yield folder
        return
    for number, path in enumerate(kinds.files(folder, unseen)):
        if number >= FILES_MOST:
            raise MigrateError(
                f"{folder} has more than {FILES_MOST} files; name one of its folders"
            )
        parts = path.relative_to(folder).parts[:-1]
        if not set(parts) & SKIPPED and (path.suffix.lower() in SUFFIXES or _script(path)):
            yield path


def _script(path: Path) -> bool:
    """Return whether a file without an ending is a program, as ROS' nodes and tools are."""
    if path.suffix:
        return False
    try:
        with reading.opened(path) as stream:
            return SHEBANG.match(stream.read(200)) is not None
    except (OSError, unreadable.FormError):
        return False


def _content(path: Path) -> tuple[bytes, bool, str]:
    """Return a file's content, whether it is old code, and why it can't be rewritten."""
    try:
        content = reading.content(path, LARGEST_BYTES)
    except (OSError, unreadable.FormError) as error:
        return b"", False, unreadable.why(error)
    text = unreadable.plain_text(content)
    plain = content if text is None else text.encode()
    old, ours = LEGACY.search(plain) is not None, MENTIONED in plain
    if path.suffix.lower() == NOTEBOOK:
        return plain, *_notebook(plain, old=old, ours=ours)
    if path.suffix.lower() in OTHERS:
        return plain, old, f"programs that end in {path.suffix} are not rewritten" if old else ""
    if text is not None:
        return b"", old, unreadable.UTF16 if old or ours else ""
    if len(content) > kinds.LARGEST_BYTES:
        return b"", old, f"larger than {kinds.LARGEST_BYTES} bytes" if old or ours else ""
    link = old and path.is_symlink()
    return content, old, "a link to another file; name the file itself" if link else ""


def _notebook(content: bytes, *, old: bool, ours: bool) -> tuple[bool, str]:
    """Return whether a notebook is old code, and why it can't be rewritten."""
    if old:
        return True, "notebooks are not rewritten; export it as a program first"
    if not ours:
        return False, ""
    try:
        json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return False, unreadable.why(error)
    return False, ""


def _program(path: Path, name: str, content: bytes, chosen: bool) -> Union[Program, Note]:
    """Return a program, or the line and the reason why it can't be migrated."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        tree = parse(text, name)
        _check_depth(tree)
        read = content
        if (spaced := glued.spaced(content, text, tree)) != text:
            read, text, tree = spaced.encode(encoding), spaced, parse(spaced, name)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        return Note(name, line, 1, unreadable.why(error).replace(f"line {line}: ", "", 1))
    return Program(path, name, content, read, text, tree, chosen)


def _module(program: Program) -> tuple[Optional[cst.Module], int, str]:
    """Return a program as LibCST reads it; else the line and the reason why it does not."""
    try:
        module = cst.parse_module(program.read)
    except cst.ParserSyntaxError as error:
        return None, error.raw_line, UNREADABLE
    except (cst.CSTValidationError, TypeError):
        return None, 1, UNREADABLE
    if together.encoded(program.read, module) != program.read:
        return None, 1, "its encoding or line ends would not be kept"
    return module, 1, ""


def _check_depth(tree: ast.AST) -> None:
    """Raise ValueError for a tree nested so deeply that LibCST's parser would end the process."""
    level = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise unreadable.FormError(unreadable.DEEP)


def _followed(folder: Path, programs: dict[str, Program], places: dict[str, texts.Texts]) -> Facts:
    """Return what the programs do. Raises MigrateError."""
    sources: dict[str, Source] = {}
    chosen = []
    for name, program in programs.items():
        parts = PurePosixPath(name).with_suffix("").parts
        package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if package else parts)
        sources[module] = Source(module, name, ((0, program.tree),), package)
        chosen += [module] if program.chosen else []
    facts, why = follow(
        sources, chosen, {name: item.text for name, item in programs.items()}, places
    )
    if why:
        raise MigrateError(f"{folder} is {why}; name one of its folders or programs")
    return facts
