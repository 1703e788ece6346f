"""Which program this is: a controller compares it with its own before it sends anything."""

import hashlib
import platform
import sys
from pathlib import Path
from typing import Any, Dict, Mapping

from mediapipe_image import PACKAGE, PROTOCOL, disk


def version() -> Dict[str, Any]:
    """Return the program's own sum, the number of what it takes and answers, and where it runs."""
    return {"program": digest(sources()), "protocol": PROTOCOL, "machine": machine()}


def machine() -> str:
    """Return what two names of one running machine have in common, "" where that is not known.

    A copied system disk has its machine-id, too, and another boot; containers of one kernel have
    its boot, and another machine-id or name.
    """
    try:
        own = (Path(disk.ROOT + "/etc/machine-id").read_text(encoding="ascii"), disk.boot_id())
    except (OSError, ValueError):
        return ""
    if not own[0].strip():
        return ""
    text = "\0".join([own[0].strip(), own[1], platform.node()])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


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
