"""Where the project is, and the user's folders for what it keeps: cache, state, settings."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from pathlib import Path

from jetson_kit.core.errors import BadInputError

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "jetson_kit" / "schemas"
ANSIBLE = ROOT / "ansible"
COLLECTION_NAME = "mediapipe_jetson.kit"
COLLECTION = ANSIBLE.joinpath("collections", "ansible_collections", *COLLECTION_NAME.split("."))
ROOT_NAME = "mediapipe-jetson-kit"
STATE = "KIT_STATE"
CACHE = "KIT_CACHE"
# Names of the kit's own temporary folders, with the letters that Python's tempfile adds.
SCRATCH = re.compile(
    r"\.?(kit|verify|evidence|shim|device-wheel|jetson-doctor|mediapipe-jetson-doctor)-"
    r"(.*-)?[a-z0-9_]{8}$|tmp[a-z0-9_]{8}"
)
FULL = (errno.ENOSPC, errno.EDQUOT)
# Bytes: programs of others remove what they could not write whole, and say no place.
ALL_BUT_FULL = 32 << 20


def git_of(checkout: Path) -> tuple[str, ...]:
    """Return the beginning of a command of git's that looks at a checkout whoever owns it.

    The code there runs anyway. A repository around it, whose settings are programs of others, stays
    refused.
    """
    return ("git", "-c", f"safe.directory={checkout}", "-C", str(checkout))


def room_hint(place: Path | None) -> str:
    """Return what helps where a disk is full: some room, or the variable that moves the place."""
    for variable, home in ((CACHE, cache_home), (STATE, state_home)):
        with contextlib.suppress(BadInputError):
            if place is not None and place.absolute().is_relative_to(home().absolute()):
                tidy = " (./inv cache.prune)" if variable == CACHE else ""
                return (
                    f"free some space{tidy}, or set {variable} to a larger disk, and run it again"
                )
    if place is not None and _scratch(place):
        return "free some space, or set TMPDIR to a larger disk, and run it again"
    return "free some space there, and run it again"


def full_place() -> Path | None:
    """Return the first of the folders that every command writes to whose disk is all but full."""
    for home in (cache_home, state_home, lambda: Path(tempfile.gettempdir()), Path.cwd):
        with contextlib.suppress(BadInputError, OSError):
            there = next(place for place in (home(), *home().parents) if place.exists())
            usage = shutil.disk_usage(there)
            # What can't be written to is full by nature: a mounted image, /proc.
            writable = usage.total > 0 and os.access(there, os.W_OK)
            if writable and usage.free < ALL_BUT_FULL:
                return home()
    return None


def _scratch(place: Path) -> bool:
    """Tell whether a place is in a temporary folder of the kit's, which TMPDIR moves."""
    base, full = Path(tempfile.gettempdir()).absolute(), place.absolute()
    below = full.relative_to(base).parts if full.is_relative_to(base) else ()
    return bool(below) and SCRATCH.match(below[0]) is not None


def cache_home() -> Path:
    """Return the folder of the cache: $KIT_CACHE, else the user's own. Raises BadInputError."""
    return _home(CACHE, "XDG_CACHE_HOME", ".cache")


def cache_dir(*parts: str) -> Path:
    """Return (and make) a folder of the cache: $KIT_CACHE, else the user's cache folder.

    Raises BadInputError where it can't be made.
    """
    return make_folder(cache_home().joinpath(*parts), CACHE)


def writable(folder: Path) -> bool:
    """Tell whether a folder can be written in; it is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def state_home() -> Path:
    """Return the folder of all state: $KIT_STATE, else the user's own. Raises BadInputError."""
    return _home(STATE, "XDG_STATE_HOME", ".local/state")


def config_home() -> Path:
    """Return the user's folder of settings. Raises BadInputError."""
    return _home("", "XDG_CONFIG_HOME", ".config")


def make_folder(folder: Path, variable: str, mode: int = 0o777) -> Path:
    """Return a folder, made where it is not there; `variable` is what moves it.

    Raises BadInputError where it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        if error.errno in FULL:
            raise
        raise BadInputError(
            f"no folder can be made at {folder}: {error.strerror}",
            f"set {variable} to a folder that can be written",
        ) from error
    return folder


def _home(own: str, users: str, below: str) -> Path:
    """Return what the variable `own` names, else the kit's folder in that of the user."""
    if named := os.environ.get(own):
        return Path(named)
    # The XDG specification has a relative path ignored.
    if (base := Path(os.environ.get(users, ""))).is_absolute():
        return base / ROOT_NAME
    try:
        home = Path.home()
        there = home.is_dir()
    except (RuntimeError, OSError):
        there = False
    if not there:
        raise BadInputError("this user has no home folder", f"set {own or users} to a folder")
    return home / below / ROOT_NAME
