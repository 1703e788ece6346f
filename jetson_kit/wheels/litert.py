"""LiteRT in images: its locks, and the layer that they become."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.debian.bytecode import Compiler
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import pysite
from jetson_kit.wheels.pins import ARCHITECTURES
from jetson_kit.wheels.pysite import SiteLayer

TABLE = Path(__file__).with_name("litert.toml")
LOCKS = ROOT / "wheels" / "locks" / "litert"


@functools.cache
def table() -> dict[str, Any]:
    """Return litert.toml."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def requirements(python: str) -> list[str]:
    """Return the packages that images with this Python ("3.11") get."""
    rows = table()["python"].get(python, table())
    return list(rows["requires"])


def constraints() -> tuple[str, ...]:
    """Return what limits their versions."""
    return tuple(table()["constraints"])


def platform(arch: str) -> str:
    """Return uv's name of the machine that a lock is for."""
    return f"{ARCHITECTURES[arch]}-{table()['manylinux']}"


def lock_path(arch: str, python: str) -> Path:
    """Return where a lock is or would be."""
    return LOCKS / f"{arch}-py{python}.txt"


def lock_for(arch: str, python: str) -> Path:
    """Return the lock of an image. Raises BadInputError where there is none."""
    path = lock_path(arch, python)
    if not path.exists():
        raise BadInputError(
            f"no lock of LiteRT for {arch} with Python {python}", "make it with ./inv wheels.lock"
        )
    return path


def wanted_locks() -> dict[Path, tuple[str, str]]:
    """Return every lock that some image needs: its (architecture, Python)."""
    pairs = ((arch, python) for arch in ARCHITECTURES for python in wheels.pythons())
    return {lock_path(*pair): pair for pair in pairs}


def make_lock(path: Path, *, upgrade: bool = False) -> str:
    """Return the text of a lock. Raises as uv.compile_lock."""
    arch, python = wanted_locks()[path]
    path.parent.mkdir(exist_ok=True)
    return uv.compile_lock(
        requirements(python),
        platform=platform(arch),
        python=python,
        constraints=constraints(),
        keep=None if upgrade else path,
        dependencies=False,
    )


def layer(arch: str, python: str, compiler: Compiler | None = None) -> SiteLayer:
    """Return LiteRT's layer of an image."""
    return pysite.alone("litert", lock_for(arch, python), python, arch, compiler)
