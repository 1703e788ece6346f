"""Find heredocs of scripts and Dockerfiles: texts that are written, not run, and scripts."""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Iterator
from typing import Optional

from mediapipe_jetson.doctor.files.instructions import HEREDOC, QUOTED

OWN = re.compile(r"\s*RUN\s+(?:--\S+\s+)*<<", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Heredoc:
    """A heredoc's place: its instruction begins at `head`, its lines are from `begin` to `last`.

    The line of its delimiter ends at `end`; `own`: it is a RUN's own script.
    """

    head: int
    begin: int
    last: int
    end: int
    own: bool


class Heredocs:
    """The heredocs of a text."""

    def __init__(self, text: str) -> None:
        self._places = list(_find_heredocs(text))
        self._begins = [place.begin for place in self._places]

    def holding(self, at: int) -> Optional[Heredoc]:
        """Return the heredoc that a position is in."""
        number = bisect.bisect_right(self._begins, at) - 1
        place = self._places[number] if number >= 0 else None
        return place if place is not None and at < place.end else None

    def is_run(self, at: int) -> bool:
        """Return whether the text at a position is run: by a RUN, or outside of heredocs."""
        place = self.holding(at)
        return place is None or (place.own and at < place.last)


def _find_heredocs(text: str) -> Iterator[Heredoc]:
    """Yield the places of heredocs, in order."""
    rows = text.splitlines(keepends=True)
    begins = [0]
    places: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        begins.append(begins[-1] + len(row))
        places.setdefault(row.strip(), []).append(number)
    number = 0
    while number < len(rows):
        delimiters = [match[2] for match in HEREDOC.finditer(QUOTED.sub(" ", rows[number]))]
        head, own = number, OWN.match(rows[number])
        for delimiter in delimiters:
            delimiter_rows = places.get(delimiter, [])
            at = bisect.bisect_right(delimiter_rows, number)
            number = delimiter_rows[at] if at < len(delimiter_rows) else number
        if number > head:
            last, end = begins[number], begins[number + 1]
            yield Heredoc(begins[head], begins[head + 1], last, end, own is not None)
        number += 1
