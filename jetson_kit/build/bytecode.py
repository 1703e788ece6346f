"""Bytecode for an image's first start, compiled natively: half of an emulated import compiles.

It is mounted beside the image, never put into it: its bytes would depend on who compiled it.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.files import locked, sweep
from jetson_kit.core.paths import cache_dir

MAKER = Path(__file__).with_name("bytecode_maker.py")
# What the first start runs and what that imports by name.
MODULES = (
    *("encodings.aliases", "encodings.utf_8", "runpy", "site", "sitecustomize", "ssl"),
    *("concurrent.futures.thread", "csv", "zipfile", "numpy", "numpy.dtypes", "cv2.*"),
    *("mediapipe_jetson.first_start", "mediapipe_jetson.inference", "mediapipe_jetson.probe"),
    *("mediapipe.tasks.c", "mediapipe.tasks.python.core.base_options"),
    "mediapipe.tasks.python.vision",
)
LIMIT_S = 60
KEPT = 6


def make(tars: Sequence[Path], python: str) -> Path | None:
    """Return a folder for PYTHONPYCACHEPREFIX, cached by the tars; they are named by contents.

    None where no Python of the image's version ("3.11") is here: the image then compiles itself.
    """
    interpreter = _interpreter(python)
    if interpreter is None or not tars:
        return None
    names = [MAKER.read_text(encoding="utf-8"), python, *MODULES, *(tar.name for tar in tars)]
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    home = cache_dir("bytecode")
    folder = home / key
    with locked(cache_dir("locks") / "bytecode.lock", lambda: None):
        sweep(home, ".*.part")
        if folder.exists():
            folder.touch()
            return folder
        aside = home / f".{key}.part"
        command: list[str | Path] = [interpreter, "-I", "-S", "-B", MAKER, aside, *tars]
        try:
            subprocess.run(
                [*command, "--", *MODULES], capture_output=True, timeout=LIMIT_S, check=True
            )
            for path in (aside, *aside.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            aside.rename(folder)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(aside, ignore_errors=True)
            return None
        _forget_old(home)
    return folder


def _interpreter(python: str) -> str | None:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == python:
        return sys.executable
    return shutil.which(f"python{python}")


def _forget_old(home: Path) -> None:
    folders = sorted(home.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT:]:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
