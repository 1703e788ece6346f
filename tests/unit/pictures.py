"""A substitute for a picture where there is no NumPy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """As much of an array as the pipeline looks at."""

    shape: tuple[int, ...] = (4, 6, 3)
    dtype: str = "uint8"
