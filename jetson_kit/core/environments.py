"""Environments beside the host's: for tests of their own stages, for the site of docs/."""

from __future__ import annotations

import sys
from pathlib import Path

from jetson_kit.core import locked_env
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT

# (folder of the cache, first part of its name)
NAMES = {
    "engines": ("engines", "tools"),
    "vision": ("vision", "tests"),
    "vision-old": ("vision", "old"),
    "docs": ("docs", "tools"),
    "live": ("live", "tests"),
    "wheel-check": ("wheel-check", "tools"),
    "solutions-legacy": ("vision", "legacy"),
}


def python(name: str) -> Path:
    """Return the Python of an environment by its lock's name; it is made when first asked for.

    Raises BadInputError, and as jetson_kit.core.uv.
    """
    if name not in NAMES:
        raise BadInputError(f"no environment {name!r}", f"choose one of {', '.join(NAMES)}")
    lock = ROOT / "requirements" / f"{name}.txt"
    return locked_env.programs(*NAMES[name], lock, sys.executable) / "python"
