"""Fetches the wheel that a NAME==VERSION names, by uv's own resolution, checked by hash."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import download, sha256_file
from jetson_kit.core.paths import cache_dir

# A Jetson's own first; among the others, what tells most of the project's builds.
PLATFORMS = (r"linux.*_aarch64$", r"linux.*_x86_64$", r"linux", r"^any$", r"macosx", r"win")
PYTHONS = ("cp311", "cp312", "cp310", "cp39", "cp313", "cp314")
# Where no wheel is for a current Python, an old one is asked for.
ASKED = ("3.11", "3.8")


def is_named(word: str) -> bool:
    """Tell whether a word is meant as NAME==VERSION, not as a file."""
    return "==" in word and not Path(word).exists()


def fetch(word: str) -> Path:
    """Return the wheel of NAME==VERSION in the cache: aarch64 where there is one.

    Raises BadInputError where there is no such release or it has no wheel, NetworkError,
    IntegrityError.
    """
    try:
        requirement = Requirement(word)
    except InvalidRequirement as error:
        raise BadInputError(
            f"{word} is not NAME==VERSION", "write it like mediapipe==1.2.2"
        ) from error
    if not re.fullmatch(r"==[^*,=]+", str(requirement.specifier)) or requirement.url:
        raise BadInputError(f"{word} names no single version", "write it like mediapipe==1.2.2")
    requested = f"{requirement.name}{requirement.specifier}"
    rows: list[dict[str, Any]] = []
    for python in ASKED:
        rows = _listed(requested, python)
        if rows:
            break
    if not rows:
        raise BadInputError(f"{requested} has no wheel, only source", "name a release with a wheel")
    row = min(rows, key=lambda item: _rank(uv.wheel_name(item)))
    path = cache_dir("wheels") / uv.wheel_name(row)
    digest = row["hashes"]["sha256"]
    if path.exists() and sha256_file(path) == digest:
        return path
    return download(row["url"], path, digest)


def _listed(requested: str, python: str) -> list[dict[str, Any]]:
    """Return the wheels of a release that have an address. Raises BadInputError for no release."""
    try:
        return [row for row in uv.list_wheels(requested, python) if "url" in row]
    except uv.NoSolutionError as error:
        raise BadInputError(
            f"there is no {requested} in the package registry", "check the name and version"
        ) from error


def _rank(name: str) -> tuple[int, int, str]:
    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return len(PLATFORMS), len(PYTHONS), name
    return (
        _place(PLATFORMS, {tag.platform for tag in tags}),
        _place([f"^{p}$" for p in PYTHONS], {tag.interpreter for tag in tags}),
        name,
    )


def _place(patterns: Iterable[str], tags: set[str]) -> int:
    result = [i for i, p in enumerate(patterns) if any(re.search(p, tag) for tag in tags)]
    return min(result, default=99)
