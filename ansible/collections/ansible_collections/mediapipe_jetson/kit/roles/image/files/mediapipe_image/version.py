"""Which program this is: a controller compares it with its own before it sends anything."""

import hashlib
import sys
from pathlib import Path
from typing import Any, Dict, Mapping

from mediapipe_image import PACKAGE, PROTOCOL


def version() -> Dict[str, Any]:
    """Return the program's own sum, and the number of what it takes and answers."""
    return {"program": digest(sources()), "protocol": PROTOCOL}


def digest(files: Mapping[str, str]) -> str:
    """Return the sha256 of a program: of NAME.py, NUL, text, NUL for each file, by name."""
    sha256 = hashlib.sha256()
    for name in sorted(files):
        sha256.update(f"{name}.py\0{files[name]}\0".encode())
    return sha256.hexdigest()


def sources() -> Dict[str, str]:
    """Return the text of each module by its name: as installed, in one file, or from its folder."""
    held = getattr(sys.modules["__main__"], "SOURCES", None)
    if isinstance(held, dict):
        return held
    paths = Path(str(sys.modules[PACKAGE].__file__)).parent.glob("*.py")
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}
