"""Where heredocs of scripts and Dockerfiles stand: texts that are written, not run."""

from __future__ import annotations

import bisect
import re

from mediapipe_jetson.doctor.files.instructions import HEREDOC, QUOTED

OWN = re.compile(r"\s*RUN\s+(?:--\S+\s+)*<<", re.IGNORECASE)
Places = list[tuple[int, int]]


def within(at: int, places: Places) -> bool:
    """Return whether a position is in one of these places, which are in order."""
    number = bisect.bisect_right(places, (at, at)) - 1
    following = places[number + 1 : number + 2]
    near = [*places[max(number, 0) : number + 1], *following]
    return any(begin <= at < end for begin, end in near)


def written(text: str) -> Places:
    """Return where heredocs stand that are not a RUN's own script."""
    rows = text.splitlines(keepends=True)
    begins = [0]
    places: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        begins.append(begins[-1] + len(row))
        places.setdefault(row.strip(), []).append(number)
    result: Places = []
    number = 0
    while number < len(rows):
        words = [match[2] for match in HEREDOC.finditer(QUOTED.sub(" ", rows[number]))]
        first, own = number + 1, OWN.match(rows[number])
        for word in words:
            ends = places.get(word, [])
            at = bisect.bisect_right(ends, number)
            number = ends[at] if at < len(ends) else number
        if number >= first and not own:
            result.append((begins[first], begins[number + 1]))
        number += 1
    return result
