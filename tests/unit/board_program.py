"""The board's program, imported as it is, with a temporary folder for the board's root."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core.paths import COLLECTION

FILES = COLLECTION / "roles" / "image" / "files"
PACKAGE = "mediapipe_image"


class Program:
    """Its modules by their names, and the folder that is its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lib = root / "var/lib/mediapipe-jetson"
        self.lib.mkdir(parents=True)

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"{PACKAGE}.{name}")


def imported(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Import it anew: it reads its root when it is imported."""
    monkeypatch.setenv("MEDIAPIPE_IMAGE_ROOT", str(root))
    monkeypatch.syspath_prepend(str(FILES))
    _forget()
    yield Program(root)
    _forget()


def _forget() -> None:
    for name in [module for module in sys.modules if module.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
