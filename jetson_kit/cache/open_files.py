"""Which files below a folder a process holds open, or a loop device stands on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


def below(folder: Path) -> frozenset[Path]:
    """Return the files below `folder` that are in use, as far as this user may see it."""
    place = folder.resolve()
    return frozenset(path for path in _all() if path.is_relative_to(place))


def _all() -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        # It may have ended, or be another user's.
        with contextlib.suppress(OSError):
            for link in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    yield link.readlink()
    for loop in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            yield Path(loop.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n"))
