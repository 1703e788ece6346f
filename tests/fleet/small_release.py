"""Small releases for tests: those of the kit's own bench, or a skip where there is no shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.faults import small_release
from bench.faults.small_release import ARCHITECTURE, ENDS, GOOD, UNHEALTHY
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.fleet.release.release import Release
from tests.fleet import known

__all__ = ["ARCHITECTURE", "ENDS", "GOOD", "UNHEALTHY", "build"]


def build(folder: Path, version: str, **how: Any) -> Release:
    """Return a small release, as bench.faults.small_release.build does."""
    try:
        return known.add(small_release.build(folder, version, **how))
    except ToolMissingError as error:
        pytest.skip(error.message)
