"""Migrates a folder: which files, what was seen in them, and writing all of them or none."""

from __future__ import annotations

import ast
import difflib
import io
import os
import re
import stat
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Optional

import libcst as cst

from mediapipe_jetson import exit_codes
from mediapipe_jetson.doctor.files import kinds
from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.legacy import parse, scan
from mediapipe_jetson.migrate import texts
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.follow import Facts, follow
from mediapipe_jetson.migrate.rewrite import rewrite

LEGACY = re.compile(
    rb"mediapipe\.(python|solutions|framework)|\.solutions\b|import[^\n]*\bsolutions\b"
)
SKIPPED = {"venv", "env", "build", "dist", ".eggs", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
FILES_MOST = 20_000
DEEPEST = 400
RECURSION = 20_000
"""Frames that LibCST takes for code that is nested that deeply."""


class MigrateError(RuntimeError):
    """The folder can't be migrated."""

    exit_code = exit_codes.BAD_INPUT


@dataclass(frozen=True)
class Change:
    """A file's old and new bytes."""

    path: Path
    name: str
    before: bytes
    after: bytes
    encoding: str

    def diff(self) -> str:
        """Return a unified diff."""
        old, new = (
            one.decode(self.encoding).splitlines(keepends=True) for one in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, f"a/{self.name}", f"b/{self.name}")
        marked = (
            one if one.endswith("\n") else f"{one}\n\\ No newline at end of file\n" for one in lines
        )
        return "".join(marked)


@dataclass
class Outcome:
    """What came of a folder."""

    changes: list[Change] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    differs: list[Note] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """A file that could be read."""

    path: Path
    name: str
    content: bytes
    text: str
    module: cst.Module


def migrate(folder: Path) -> Outcome:
    """Return what migrating a folder or a file would change. Raises MigrateError."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        return _migrated(folder)
    finally:
        sys.setrecursionlimit(limit)


def _migrated(folder: Path) -> Outcome:
    if not folder.exists():
        raise MigrateError(f"{folder} does not exist; name a folder or a program")
    outcome = Outcome()
    programs = {one.name: one for one in _programs(folder, outcome)}
    facts, why = _followed(programs)
    if why:
        raise MigrateError(f"{folder} is {why}; name one of its folders or programs")
    legacy = facts.legacy_files()
    done = {}
    for name, program in programs.items():
        if name not in legacy and name not in facts.guards:
            continue
        rewritten = rewrite(name, program.module, facts)
        left = rewritten.refused or _left(name, rewritten.module)
        outcome.refused += left
        if not left:
            done[name] = rewritten
    bad = {note.file for note in outcome.refused}
    for name in _dragged(bad, set(done), facts):
        del done[name]
        why = "left as it is: it works together with a file that was refused"
        outcome.refused.append(Note(name, 1, 1, why))
    for name, rewritten in done.items():
        program = programs[name]
        after = _encoded(program, rewritten.module)
        if after != program.content:
            encoding = program.module.encoding
            outcome.changes.append(Change(program.path, name, program.content, after, encoding))
            outcome.models.update(dict.fromkeys(rewritten.models))
            outcome.differs += rewritten.differs
    outcome.refused.sort()
    outcome.differs.sort()
    return outcome


def _left(name: str, module: cst.Module) -> tuple[Note, ...]:
    """Return what of the legacy API the doctor still finds in the new code."""
    try:
        uses = scan(module.code, name)
    except (SyntaxError, ValueError, RecursionError) as error:
        return (Note(name, 1, 1, f"what would come of it can't be read: {error}"),)
    return tuple(Note(name, 1, 1, f"{one.what} would stay in it") for one in uses[:1])


def _encoded(program: Program, module: cst.Module) -> bytes:
    mark = b"\xef\xbb\xbf"
    text = module.code.encode(module.encoding.replace("utf-8-sig", "utf-8"))
    return mark + text if program.content.startswith(mark) else text


def _dragged(bad: set[str], done: set[str], facts: Facts) -> list[str]:
    """Return the files that can't be migrated since one that they work with can't."""
    reached, waiting = set(bad), list(bad)
    while waiting:
        name = waiting.pop()
        near = {other for link in facts.links if name in link for other in link}
        for other in near - reached:
            reached.add(other)
            waiting.append(other)
    return sorted(reached & done)


def _programs(folder: Path, outcome: Outcome) -> Iterator[Program]:
    """Yield the programs that can be read; the others are refused where they are old code."""
    for number, path in enumerate(_files(folder)):
        if number >= FILES_MOST:
            raise MigrateError(
                f"{folder} has more than {FILES_MOST} files; name one of its folders"
            )
        name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
        suffix = path.suffix.lower()
        if suffix not in (".py", ".pyw", ".ipynb"):
            continue
        found = _program(path, name)
        if isinstance(found, Program):
            yield found
        elif found is not None:
            outcome.refused.append(Note(name, found[0], 1, found[1]))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in kinds.files(folder):
        parts = path.relative_to(folder).parts[:-1]
        if not set(parts) & SKIPPED:
            yield path


def _program(path: Path, name: str) -> Optional[Program | tuple[int, str]]:
    """Return a program, or the line and the reason why it can't be migrated; None for others."""
    try:
        content = path.read_bytes() if path.stat().st_size <= kinds.LARGEST_BYTES else None
    except OSError as error:
        return (1, f"it can't be read: {error.strerror}")
    if content is None:
        return (1, f"larger than {kinds.LARGEST_BYTES} bytes")
    old = LEGACY.search(content) is not None
    if path.suffix.lower() == ".ipynb":
        return (1, "notebooks are not rewritten; export it as a program first") if old else None
    if old and path.is_symlink():
        return (1, "a link to another file; name the file itself")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
        _check_depth(parse(text, name))
        module = cst.parse_module(content)
    except cst.ParserSyntaxError as error:
        return (error.raw_line, f"it can't be read: {error.message}") if old else None
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        return (line, f"it can't be read: {getattr(error, 'msg', error)}") if old else None
    program = Program(path, name, content, text, module)
    if _encoded(program, module) != content:
        return (1, "its encoding or line ends would not be kept") if old else None
    return program


def _check_depth(tree: ast.AST) -> None:
    """Raise ValueError for a tree nested so deeply that LibCST's parser would end the process."""
    level = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise ValueError("it is nested too deeply")


def _followed(programs: dict[str, Program]) -> tuple[Facts, str]:
    sources: dict[str, Source] = {}
    for name, program in programs.items():
        parts = PurePosixPath(name).with_suffix("").parts
        package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if package else parts)
        tree: ast.Module = parse(program.text, name)
        sources[module] = Source(module, name, ((0, tree),), package)
    return follow(
        sources,
        {name: one.text for name, one in programs.items()},
        {name: texts.find(one.module) for name, one in programs.items()},
    )


def write(changes: list[Change]) -> None:
    """Write all files: each is prepared beside the old one, then they are renamed.

    Raises OSError, and MigrateError for a file that has changed meanwhile.
    """
    prepared: list[tuple[Path, Change]] = []
    try:
        for change in changes:
            prepared.append((_prepared(change), change))
        for _, change in prepared:
            if change.path.read_bytes() != change.before:
                raise MigrateError(f"{change.name} has changed meanwhile; run it again")
        while prepared:
            part, change = prepared[0]
            part.replace(change.path)
            prepared.pop(0)
    finally:
        for part, _ in prepared:
            part.unlink(missing_ok=True)


def _prepared(change: Change) -> Path:
    number, name = tempfile.mkstemp(prefix=".migrate-", dir=change.path.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(change.after)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(stat.S_IMODE(change.path.stat().st_mode))
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part
