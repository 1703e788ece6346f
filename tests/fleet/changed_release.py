"""The next build of an image, remembered as one that tests made."""

from __future__ import annotations

from pathlib import Path

from bench.faults import changed_release
from jetson_kit.fleet.release.release import Release
from tests.fleet import known

__all__ = ["build"]


def build(old: Release, folder: Path, path: str, content: bytes) -> Release:
    """Return a build that differs by a file, as bench.faults.changed_release does."""
    return known.add(changed_release.build(old, folder, path, content))
