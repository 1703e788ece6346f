"""The board's program as this controller has it; boards with another one are brought to it."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from jetson_kit.core.paths import COLLECTION

PATH = "/usr/local/sbin/mediapipe-image"
SOURCES = COLLECTION / "roles" / "image" / "files"
PACKAGE = "mediapipe_image"


def module(name: str) -> ModuleType:
    """Return a module of the program: it belongs to a role, and is on no path."""
    if str(SOURCES) not in sys.path:
        sys.path.append(str(SOURCES))
    return importlib.import_module(f"{PACKAGE}.{name}")


@cache
def digest() -> str:
    """Return the sum of this controller's copy, as the board's program gives its own."""
    version = module("version")
    files = {
        path.stem: path.read_text(encoding="utf-8") for path in (SOURCES / PACKAGE).glob("*.py")
    }
    return str(version.digest(files))


def same(answer: Mapping[str, Any]) -> bool:
    """Tell whether a board's answer to `version --json` is that of this controller's program."""
    return answer.get("program") == digest()


def unprovisioned(host: str, inventory: Path) -> str:
    """Return the message about a host without the program: what it is, and the remedy."""
    where = f"-i {shlex.quote(str(inventory))} --limit {shlex.quote(host)}"
    return f"it is not provisioned; ./inv fleet.provision {where}"
