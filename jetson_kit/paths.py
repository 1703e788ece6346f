"""Where the project and its cache are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_dir(*parts: str) -> Path:
    """Return (and make) a folder of the cache: $KIT_CACHE, else the user's cache folder."""
    home = os.environ.get("KIT_CACHE")
    if home:
        base = Path(home)
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT_NAME
    folder = base.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


ROOT_NAME = "mediapipe-jetson-kit"
