"""Reports of several folders as boards: each has a name of its own, and its file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

from jetson_kit.core.text import plain
from jetson_kit.report import rows
from jetson_kit.report.summary import MOST_NAME, MOST_REASONS, SOUND, Summary
from jetson_kit.report.task import UNKNOWN

Board = tuple[str, str]
"""A board's site ("" for none) and name."""


def named(lines: Sequence[Summary], paths: Sequence[Path]) -> tuple[Summary, ...]:
    """Return the lines of reports, no two with the same site and name.

    Of several folders each is a site. Boards of one folder that have the same name get their
    file's name as well.
    """
    sites = _sites(paths)
    placed = [
        replace(line, site=sites[path.parent]) for line, path in zip(lines, paths, strict=True)
    ]
    counts = Counter((line.site, line.host) for line in placed)
    taken = set(counts)
    result = []
    for line, path in zip(placed, paths, strict=True):
        unique = line
        if counts[line.site, line.host] > 1:
            unique = replace(line, host=_free(line, path, taken))
            taken.add((unique.site, unique.host))
        result.append(unique)
    return tuple(result)


def _free(line: Summary, path: Path, taken: set[Board]) -> str:
    """Return a name that no other board of its site has: numbers follow the file's name."""
    numbered = (f"{line.host[: MOST_NAME - 20]} ({number})" for number in count(2))
    names = chain([plain(f"{line.host} ({path.name})", MOST_NAME)], numbered)
    return next(name for name in names if (line.site, name) not in taken)


def copies(lines: Sequence[Summary]) -> tuple[Summary, ...]:
    """Return the lines; those of the very same report are evidence of none of their boards."""
    groups: dict[str, list[Summary]] = {}
    for line in lines:
        groups.setdefault(line.evidence, []).append(line)
    return tuple(_copy(line, copy_of(line, groups[line.evidence])) for line in lines)


def copy_of(line: Summary, lines: Sequence[Summary]) -> str:
    """Return the name of another board that has the very same report, or ""."""
    same = (item for item in lines if item.evidence == line.evidence and item is not line)
    other = next(same, None) if line.evidence else None
    return other.host if other else ""


def _copy(line: Summary, other: str) -> Summary:
    if not other:
        return line
    return replace(
        line,
        state="contradicted" if line.state == SOUND else line.state,
        verdict=UNKNOWN,
        good=False,
        remedy="",
        reasons=(rows.copied(other), *line.reasons)[:MOST_REASONS],
    )


def files(lines: Sequence[Summary], paths: Sequence[Path]) -> Mapping[Board, Path]:
    """Return the file of each board."""
    return {(line.site, line.host): path for line, path in zip(lines, paths, strict=True)}


def relative(lines: Sequence[Summary], paths: Sequence[Path]) -> tuple[str, Mapping[Board, str]]:
    """Return the folder that all files lie below, and each board's file from there.

    The folder ends in "/"; it is empty for files that have none in common.
    """
    try:
        folder = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:  # absolute and relative ones
        return "", {board: str(path) for board, path in files(lines, paths).items()}
    return f"{folder}/".replace("//", "/"), {
        board: str(path.relative_to(folder)) for board, path in files(lines, paths).items()
    }


def _sites(paths: Sequence[Path]) -> dict[Path, str]:
    """Return a name for each folder: none for a single one, its whole path where names are equal.

    A name is never "." or "..", which an address can't hold.
    """
    folders = {path.parent: path.parent.resolve() for path in paths}
    if len(folders) == 1:
        return dict.fromkeys(folders, "")
    counts = Counter(whole.name for whole in folders.values())
    return {
        folder: plain(whole.name if counts[whole.name] == 1 and whole.name else str(whole))
        for folder, whole in folders.items()
    }
