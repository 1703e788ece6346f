"""Choices kept in the user's cache folder, one file each, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import one_line

FOLDER_VARIABLE = "MEDIAPIPE_JETSON_CACHE"
SCHEMA = "mediapipe-jetson/choice/1"


def folder() -> Path:
    """Return $MEDIAPIPE_JETSON_CACHE, else mediapipe-jetson/ in the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    home = Path(base) if base else Path(os.environ.get("HOME") or "/nonexistent", ".cache")
    return home / "mediapipe-jetson"


def path_of(key: str) -> Path:
    """Return the file of a choice."""
    return folder() / f"choice-{key}.json"


def none() -> bool:
    """Return whether nothing at all was kept."""
    try:
        return not any(folder().glob("choice-*.json"))
    except OSError:
        return True


def load(key: str) -> Optional[dict[str, Any]]:
    """Return what was kept; None if there is nothing, or nothing that can be read as a choice."""
    try:
        document = json.loads(path_of(key).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or document.get("key") != key
    ):
        return None
    return document


def save(key: str, document: dict[str, Any]) -> str:
    """Keep a choice; return "", or why it can't be kept, such as on a read-only root."""
    return write(path_of(key), {"schema": SCHEMA, "key": key, **document})


def write(target: Path, document: dict[str, Any]) -> str:
    """Write a document whole or not at all; return "", or why it can't be written."""
    aside = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, aside = tempfile.mkstemp(dir=target.parent, prefix=".kept-")
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        Path(aside).replace(target)
    except OSError as error:
        if aside:
            with contextlib.suppress(OSError):
                Path(aside).unlink()
        return one_line(error)
    return ""
