"""Locks of what each wheel class depends on, made by uv for the target, nothing compiled.

MediaPipe itself is not in them: it is our local wheel, installed without its dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core import uv
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.core.files import write_text
from jetson_kit.wheels import litert, recipes, runtimes
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import ARCHITECTURES, Pin


@dataclass(frozen=True)
class Lock:
    """One lock file and whether it holds what it should."""

    path: Path
    pins: tuple[str, ...]
    """Such as "numpy==2.2.6", without hashes."""
    fresh: bool


def make(pin: Pin, python: str, *, upgrade: bool = False) -> str:
    """Return the lock of one pin and Python. Raises what uv raises."""
    group = wheels.classes()[pin.wheel_class]
    return uv.compile_lock(
        sorted(recipes.recipe_for(pin.version).requires),
        platform=f"{ARCHITECTURES[pin.arch]}-{group.manylinux}",
        python=python,
        constraints=group.constraints,
        keep=None if upgrade else wheels.lock_path(pin.wheel_class, pin.arch, python),
    )


def update(*, check: bool = False, upgrade: bool = False) -> list[Lock]:
    """Write every lock, or with `check` raise CheckFailedError if one does not fit any more.

    Versions already locked stay unless `upgrade`.
    """
    done: list[Lock] = []
    for path, text in _texts(upgrade=upgrade):
        fresh = path.exists() and path.read_text(encoding="utf-8") == text
        if not fresh and not check:
            write_text(path, text)
        done.append(Lock(path, locked(text), fresh))
    stale = [lock.path.name for lock in done if not lock.fresh]
    if check and stale:
        raise CheckFailedError(f"stale locks: {', '.join(stale)}", "run ./inv wheels.lock")
    return done


def _texts(*, upgrade: bool) -> Iterator[tuple[Path, str]]:
    """Yield each lock as it should be: those of the wheels, of LiteRT, then those of TensorRT."""
    for pin in wheels.pins():
        for python in pin.pythons:
            path = wheels.lock_path(pin.wheel_class, pin.arch, python)
            yield path, make(pin, python, upgrade=upgrade)
    for path in litert.wanted_locks():
        yield path, litert.make_lock(path, upgrade=upgrade)
    for path, requirements in runtimes.wanted_locks().items():
        yield path, runtimes.make_lock(path, requirements, upgrade=upgrade)


def locked(text: str) -> tuple[str, ...]:
    """Return the packages of a lock with their versions."""
    return tuple(line.split()[0] for line in text.splitlines() if line[:1].isalnum())
