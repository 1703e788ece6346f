"""The legacy connection sets, as data/legacy_connections.json lists them."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from mediapipe_jetson.landmarks import DATA

TABLE = DATA / "legacy_connections.json"
Pair = tuple[int, int]


@lru_cache(maxsize=None)
def _table() -> Any:  # noqa: ANN401 # JSON
    return json.loads(TABLE.read_text(encoding="utf-8"))


def pairs(group: str, name: str) -> tuple[Pair, ...]:
    """Return a list of the table, in its order."""
    return tuple((start, end) for start, end in _table()[group][name])
