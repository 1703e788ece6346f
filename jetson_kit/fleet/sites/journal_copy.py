"""A site's journal, written beside the central one as its lines come."""

from __future__ import annotations

import json
from pathlib import Path

from jetson_kit.core.files import write_text
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.sites.mesh import own_disk


class JournalCopy:
    """The copy of one site's, begun anew."""

    def __init__(self, path: Path) -> None:
        """Begin an empty one."""
        self._path = path
        self._record: Record | None = None
        with own_disk():
            write_text(path, "")

    def add(self, text: str) -> Record | None:
        """Keep a line; return the state after it, None where it does not fit."""
        # JSON can escape half a character, which no file takes; sites send none.
        raw = text.encode(errors="replace")
        with own_disk(), self._path.open("ab") as out:
            out.write(raw + b"\n")
        try:
            self._record = journals.apply(self._record or Record(), json.loads(raw))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            return None
        return self._record
