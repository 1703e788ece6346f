"""Rewrites mp.solutions code to MediaPipe Tasks: python -m mediapipe_jetson migrate DIR.

The doctor's reader follows what the code does; LibCST rewrites the places where that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command and return its exit code."""
    from mediapipe_jetson.migrate import cli  # noqa: PLC0415 # LibCST is an extra

    return cli.main(arguments)
