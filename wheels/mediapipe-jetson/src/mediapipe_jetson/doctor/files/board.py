"""What scripts and programs ask a machine, and what a board answers (data/projects.json)."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.doctor.files.conditions import Board

DATA = Path(__file__).resolve().parents[2] / "data" / "projects.json"


@functools.lru_cache(maxsize=1)
def board() -> Board:
    """Return what a board answers."""
    known: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))["scripts"]
    return Board(
        known["commands"],
        known["variables"],
        frozenset(known["files"]),
        frozenset(known["programs"]),
        known["contents"],
        frozenset(known["others"]),
    )


def holds(phrase: str, text: str) -> Optional[bool]:
    """Return whether a text contains a phrase; only some of the text's words are known."""
    if phrase in text:
        return True
    parts = set(re.findall(r"\w+", phrase.lower()))
    return False if parts and parts <= board().others else None
