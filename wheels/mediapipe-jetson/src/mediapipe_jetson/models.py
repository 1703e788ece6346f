"""Where the model bundles are, and whether they are those that the image was built with."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Optional

MODELS_VARIABLE = "MEDIAPIPE_JETSON_MODELS"
DEFAULT_FOLDER = "/opt/mediapipe/models"
FACE_MODEL = "face_landmarker.task"
SCHEMA = "mediapipe-jetson/models/1"
MANIFEST = "manifest.json"
CHUNK = 1 << 20


def models_folder() -> Path:
    """Return $MEDIAPIPE_JETSON_MODELS, else the folder of the image."""
    return Path(os.environ.get(MODELS_VARIABLE) or DEFAULT_FOLDER)


def sha256(path: Path) -> str:
    """Return a file's sha256 as 64 hex digits; raise OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def problem(folder: Path) -> Optional[str]:
    """Return what is wrong with the models of a folder's manifest; None if nothing is."""
    manifest = folder / MANIFEST
    try:
        document = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"{manifest} can't be read: {getattr(error, 'strerror', None) or error}"
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return f"{manifest} is not of the schema {SCHEMA}"
    listed = document.get("models")
    if not isinstance(listed, list):
        return f"{manifest} has no list of models"
    for entry in listed:
        wrong = _entry_problem(folder, entry)
        if wrong:
            return wrong
    return None


def _entry_problem(folder: Path, entry: Any) -> Optional[str]:  # noqa: ANN401 # JSON
    name = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name or Path(name).name != name:
        return f"{folder / MANIFEST} has an entry without a plain file name"
    try:
        value = sha256(folder / name)
    except OSError as error:
        return f"model {folder / name}: {error.strerror}"
    if value != entry.get("sha256"):
        return f"model {folder / name} has sha256 {value[:12]}..., not the listed one"
    return None
