"""What stands above the verdicts on the page of a rollout: its facts, and each board's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BoardEnd:
    """How a rollout ended on a board."""

    name: str
    state: str
    good: bool
    reason: str
    """Why it failed, went back or waits; "" where there is nothing to say."""
    wave: str
    module: str
    l4t: str


@dataclass(frozen=True)
class Head:
    """A rollout."""

    outcome: str
    good: bool
    facts: Sequence[tuple[str, str]]
    """Names and values, in the order in which they are shown."""
    boards: Sequence[BoardEnd]
    """Those that need a look come first."""
