"""MediaPipe's legacy Objectron, which the kit does not have: one clear error."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.solutions.base import SolutionBase
from mediapipe_jetson.solutions.errors import NotSupportedError

__all__ = ["Objectron", "SolutionBase"]


class Objectron(SolutionBase):
    """Can't be made: its models were fetched at run time, from a place of Google's."""

    def __init__(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Raise NotSupportedError."""
        raise NotSupportedError(
            "Objectron is not in the kit: MediaPipe 0.10.21 fetched its models when it ran, and no "
            "package carries them"
        )
