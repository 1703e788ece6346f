"""Where the project and its cache are."""

from __future__ import annotations

import os
from pathlib import Path

from jetson_kit.errors import BadInputError

ROOT = Path(__file__).resolve().parent.parent
ROOT_NAME = "mediapipe-jetson-kit"


def cache_dir(*parts: str) -> Path:
    """Return (and make) a folder of the cache: $KIT_CACHE, else the user's cache folder.

    Raises BadInputError where it can't be made.
    """
    folder = _base().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise BadInputError(
            f"no cache can be made at {folder}: {error.strerror}", "set KIT_CACHE to a folder"
        ) from error
    return folder


def _base() -> Path:
    if own := os.environ.get("KIT_CACHE"):
        return Path(own)
    # The XDG specification has a relative path ignored.
    if (users := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return users / ROOT_NAME
    try:
        return Path.home() / ".cache" / ROOT_NAME
    except RuntimeError as error:
        raise BadInputError("this user has no home", "set KIT_CACHE to a folder") from error
