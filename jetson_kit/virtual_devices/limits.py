"""What each kind of virtual Jetson may take, from limits.toml."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any, cast

DATA = Path(__file__).with_name("limits.toml")


@functools.cache
def of(kind: str) -> dict[str, Any]:
    """Return a kind's rows."""
    return cast("dict[str, Any]", tomllib.loads(DATA.read_text(encoding="utf-8"))[kind])
