"""Levels of the Arm architecture, such as armv8.2-a: their order, and which code a core runs."""

from __future__ import annotations

import re

from jetson_kit.core.errors import BadInputError


def rank(level: str) -> tuple[int, int]:
    """Return what orders Arm levels: the v8 level that is included, then the generation.

    Armv9.x holds everything of Armv8.(x+5). Raises BadInputError for text that is no level.
    """
    match = re.fullmatch(r"armv([89])(?:\.(\d+))?-a", level)
    if not match:
        raise BadInputError(f'"{level}" is no Arm level', "write it like armv8.2-a")
    generation, minor = int(match[1]), int(match[2] or 0)
    return (minor + (5 if generation == 9 else 0), generation)


def runs(have: str, need: str) -> bool:
    """Return whether a core of level `have` runs code built for level `need`."""
    has, needs = rank(have), rank(need)
    return has[0] >= needs[0] and has[1] >= needs[1]
