"""The folders that engines are looked for in, in their order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

VARIABLE = "MEDIAPIPE_JETSON_ENGINES"
"""Folders by colons, looked into before all others."""
CACHE_VARIABLE = "MEDIAPIPE_JETSON_ENGINES_CACHE"
CACHE = "/var/cache/mediapipe-jetson/engines"
IMAGE = "/opt/mediapipe/engines"


def cache(variables: Optional[Mapping[str, str]] = None) -> Path:
    """Return the folder of the engines that were built on this very device."""
    result = os.environ if variables is None else variables
    return Path(result.get(CACHE_VARIABLE) or CACHE)


def folders(variables: Optional[Mapping[str, str]] = None) -> tuple[Path, ...]:
    """Return all folders; those that are not there count as empty."""
    result = os.environ if variables is None else variables
    named = [Path(part) for part in result.get(VARIABLE, "").split(":") if part]
    return tuple(dict.fromkeys([*named, cache(result), Path(IMAGE)]))
