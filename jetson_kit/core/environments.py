"""Environments beside the host's: for tests of their own stages, for the site of docs/."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from jetson_kit.core import locked_env
from jetson_kit.core.errors import BadInputError, NoPythonError
from jetson_kit.core.paths import ROOT

REQUIREMENTS = ROOT / "requirements"
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

    Raises BadInputError, NoPythonError where no Python here is old enough for it, and as
    jetson_kit.core.uv.
    """
    if name not in NAMES:
        raise BadInputError(f"no environment {name!r}", f"choose one of {', '.join(NAMES)}")
    lock = REQUIREMENTS / f"{name}.txt"
    return locked_env.programs(*NAMES[name], lock, _interpreter(name)) / "python"


def _interpreter(name: str) -> str:
    """Return this Python, or an older one for packages that have no wheels for this one."""
    table = tomllib.loads((REQUIREMENTS / "locks.toml").read_text(encoding="utf-8"))
    newest = int(table["newest_python"].get(name, "3.99").partition(".")[2])
    oldest = int(table["python"][name].partition(".")[2])
    if sys.version_info.minor <= newest:
        return sys.executable
    for minor in range(newest, oldest - 1, -1):
        path = shutil.which(f"python3.{minor}")
        if path and _runs(path):
            return path
    raise NoPythonError(
        f"no Python 3.{newest} or older, of which this system has no package",
        f"put python3.{newest} into PATH, with its venv module",
    )


def _runs(program: str) -> bool:
    """Tell whether a Python starts: a version manager has names of those that it has not."""
    done = subprocess.run([program, "-c", ""], capture_output=True, check=False)
    return done.returncode == 0
