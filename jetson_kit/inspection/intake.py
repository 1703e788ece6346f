"""What a site sends about its boards: each line held against what it may send at all.

A site's controller may be stolen or broken. It can say what it likes of its own boards; it can say
nothing of another site's, nothing twice, and no more than there are boards and seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.text import plain
from jetson_kit.fleet.sites.mesh import SilentError
from jetson_kit.report import summary
from jetson_kit.report.summary import Summary

HINT = "look at the site itself: what it sends is not believed"
# Besides a line for each board: signs of life, one in five seconds, and those a cut has delayed.
SPARE_LINES = 100
MOST_BEAT = 100


class Intake:
    """The lines of one site, up to its deadline."""

    def __init__(
        self,
        kind: str,
        site: str,
        boards: Sequence[str],
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind, self._site = kind, site
        self._boards = dict.fromkeys(boards)
        self._deadline_s, self._clock, self._begun = deadline_s, clock, clock()
        self._lines = 0
        self.seen: dict[str, Summary] = {}
        self.ended = False

    def take(self, line: Mapping[str, Any]) -> Summary | None:
        """Return the board of a line, None for a sign of life.

        Raises IntegrityError for what a site may not send, SilentError past the deadline.
        """
        self._bounded()
        if self.ended:
            raise self._wrong("it sent more after its end")
        match line["kind"]:
            case "beat":
                return None
            case "board":
                return self._board(line.get("board"))
            case "end":
                if line.get("boards") != len(self.seen):
                    raise self._wrong("it ended with another count of boards than it sent")
                self.ended = True
                return None
            case other:
                raise self._wrong(f"it sent a line of the kind {plain(other, 40)!r}")

    @property
    def most_bytes(self) -> int:
        """Return how many bytes the site may send in all."""
        lines = (len(self._boards) + SPARE_LINES) * summary.MOST_LINE
        return lines + int(self._deadline_s) * MOST_BEAT

    def missing(self, why: str) -> list[Summary]:
        """Return a line for each board of the inventory that the site sent none for."""
        return [
            summary.absent(self._kind, self._site, board, why)
            for board in self._boards
            if board not in self.seen
        ]

    def _bounded(self) -> None:
        seconds = self._clock() - self._begun
        if seconds > self._deadline_s:
            raise SilentError(
                f"{self._site} was not done within {self._deadline_s:.0f} s", "a longer --deadline"
            )
        self._lines += 1
        if self._lines > len(self._boards) + SPARE_LINES + seconds:
            raise self._wrong("it sends more lines than it has boards")

    def _board(self, body: object) -> Summary:
        if not isinstance(body, dict):
            raise self._wrong("a line has no board")
        try:
            result = summary.parse(body)
        except (IntegrityError, RecursionError) as error:
            message = error.message if isinstance(error, IntegrityError) else "nested too deep"
            raise self._wrong(f"a line is damaged: {message}") from None
        if result.kind != self._kind:
            raise self._wrong(f"it sent a line of {result.kind}")
        if result.site != self._site:
            raise self._wrong(f"it sent a line of the site {plain(result.site, 60)!r}")
        if result.host not in self._boards:
            raise self._wrong(f"it has no board {plain(result.host, 60)!r}")
        if result.host in self.seen:
            raise self._wrong(f"it sent {result.host} twice")
        self.seen[result.host] = result
        return result

    def _wrong(self, why: str) -> IntegrityError:
        return IntegrityError(f"{self._site}: {why}", HINT)
