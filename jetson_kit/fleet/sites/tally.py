"""Counts of boards over many sites, each sum at hand: sites tell of theirs at every line."""

from __future__ import annotations


class Tally:
    """How many boards of each site have failed, and how many were tried."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, int]] = {}
        self.failed = 0
        self.tried = 0

    def put(self, site: str, counts: tuple[int, int]) -> None:
        """Take a site's newest counts: failed and tried."""
        old = self._rows.get(site, (0, 0))
        self._rows[site] = counts
        self.failed += counts[0] - old[0]
        self.tried += counts[1] - old[1]
