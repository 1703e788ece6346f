"""The environment of uv's processes: what of the user's goes on to them, and their folders."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from jetson_kit.core.paths import cache_dir

REACHES = re.compile(
    "INDEX|FIND_LINKS|CONFIG_FILE|CACHE_DIR|TLS|CERT|HOST|HTTP|TIMEOUT|RETRIES|OFFLINE|KEYRING"
    "|CREDENTIAL|LINK_MODE|CONCURRENT"
)


def of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return uv's environment in the place of the user's."""
    environment = {name: value for name, value in environ.items() if _passed_on(name)}
    # Without downloads unasked, uv resolves for a Python that is not here by the one that is.
    environment |= {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "manual"}
    return environment | _folders(environment)


def _passed_on(name: str) -> bool:
    """Tell whether a variable of the user's goes on to uv: where indexes are and how to reach them.

    What is chosen and how it is unpacked is the kit's to say.
    """
    return name != "VIRTUAL_ENV" and (not name.startswith("UV_") or bool(REACHES.search(name)))


def _folders(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the kit's own folders for uv where the user's can't be used: service users' homes."""
    result = {}
    if "UV_CACHE_DIR" not in environment and not _writable(
        _user_folder(environment, "XDG_CACHE_HOME", ".cache") / "uv"
    ):
        result["UV_CACHE_DIR"] = str(cache_dir("uv"))
    # uv looks for Pythons of its own there, and fails where it can't look.
    pythons = _user_folder(environment, "XDG_DATA_HOME", ".local/share") / "uv" / "python"
    if "UV_PYTHON_INSTALL_DIR" not in environment and not _readable(pythons):
        result["UV_PYTHON_INSTALL_DIR"] = str(cache_dir("uv", "pythons"))
    return result


def _user_folder(environment: Mapping[str, str], variable: str, default: str) -> Path:
    given = environment.get(variable, "")
    # A user without a home has what no folder can be below.
    home = environment.get("HOME") or os.devnull
    return Path(given) if given.startswith("/") else Path(home, default)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _readable(folder: Path) -> bool:
    """Tell whether a folder can be looked into, or could be if it were there."""
    with contextlib.suppress(OSError):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        return there.is_dir() and os.access(there, os.R_OK | os.X_OK)
    return False
