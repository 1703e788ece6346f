"""Parts of the legacy API left in a file: found in the new code, reported at the old place."""

from __future__ import annotations

import ast
import difflib

import libcst as cst

from mediapipe_jetson.doctor.files import unreadable
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.legacy import scan
from mediapipe_jetson.doctor.migration import load
from mediapipe_jetson.migrate.context import Note


def left(name: str, before: cst.Module, after: cst.Module) -> tuple[Note, ...]:
    """Return what of the legacy API the doctor still finds in the new code."""
    try:
        uses = scan(after.code, name)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = old_line(before.code, after.code, getattr(error, "lineno", None) or 1)
        return (Note(name, line, 1, f"the new code can't be read: {unreadable.why(error)}"),)
    return tuple(_placed(name, before.code, after.code, finding) for finding in uses[:1])


def _placed(name: str, before: str, after: str, finding: Finding) -> Note:
    """Return a note at the place in the old code from which a finding in the new code is left."""
    why = f"{finding.what} would stay in it"
    line = old_line(before, after, finding.line)
    same = [item for item in scan(before, name) if item.what == finding.what]
    if same:
        nearest = min(same, key=lambda item: (abs(item.line - line), item.column))
        return Note(name, nearest.line, nearest.column, why)
    return Note(name, line, 1, why)


def old_line(before: str, after: str, line: int) -> int:
    """Return the line of the old code that a line of the new code comes from."""
    old, new = before.splitlines(), after.splitlines()
    for start, end, new_start, new_end in _blocks(old, new):
        if new_start < line <= new_end:
            return min(start + line - new_start, max(end, start + 1), max(len(old), 1))
    return max(len(old), 1)


def _blocks(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [block[1:] for block in matcher.get_opcodes()]


def looks_old(tree: ast.Module) -> bool:
    """Return whether a program reads fields that only legacy results have."""
    distinct = load().distinct
    return any(isinstance(node, ast.Attribute) and node.attr in distinct for node in ast.walk(tree))
