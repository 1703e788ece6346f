"""A site's own folder, and where its answers go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INCOMING = "incoming"
"""The folder of what comes in pieces."""
Request = Mapping[str, Any]
Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Here:
    """The site's folder, and where its answers go."""

    root: Path
    emit: Emit
