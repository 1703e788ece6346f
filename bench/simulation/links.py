"""Links between a site and the central controller: a rate, and times at which they are cut."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.simulation.scenario import Scenario
from bench.simulation.schedule import Schedule
from jetson_kit.fleet.sites.link import PIECE
from jetson_kit.fleet.sites.mesh import SilentError

HORIZON_S = 30 * 86400.0


@dataclass
class Uplink:
    """What the central controller sends by; transfers share it."""

    rate: float
    at_work: int = 0
    sent: int = 0
    """Bytes, both ways."""


@dataclass
class Link:
    """The way to one site."""

    name: str
    schedule: Schedule
    uplink: Uplink
    rate: float
    round_trip_s: float
    cuts: Sequence[tuple[float, float]] = ()
    """Times at which it is down: from, to."""
    moved: int = 0
    """Bytes, both ways."""
    _at: int = field(default=0, repr=False)

    def cut(self, now: float) -> tuple[float, float] | None:
        """Return the cut that it is in, None while it is up; times only grow."""
        while self._at < len(self.cuts) and self.cuts[self._at][1] <= now:
            self._at += 1
        if self._at < len(self.cuts) and self.cuts[self._at][0] <= now:
            return self.cuts[self._at]
        return None

    def next_cut(self, now: float) -> float:
        """Return when it goes down next."""
        self.cut(now)
        return self.cuts[self._at][0] if self._at < len(self.cuts) else float("inf")

    def await_up(self, silent_s: float) -> None:
        """Wait until it is up. Raises SilentError after so long without it."""
        now = self.schedule.now
        cut = self.cut(now)
        if cut is None:
            return
        if cut[1] > now + silent_s:
            self.schedule.sleep(silent_s)
            raise SilentError(f"{self.name} gave no sign of life for {silent_s:.0f} s")
        self.schedule.sleep(cut[1] - now)

    def send(self, size: float, silent_s: float) -> None:
        """Send bytes, piece by piece, on from where a cut left them. Raises as await_up does."""
        self.await_up(silent_s)
        self.schedule.sleep(self.round_trip_s)
        left = size
        self.uplink.at_work += 1
        try:
            while left > 0:
                self.await_up(silent_s)
                rate = min(self.rate, self.uplink.rate / self.uplink.at_work)
                now = self.schedule.now
                seconds = min(min(left, PIECE) / rate, self.next_cut(now) - now)
                self.schedule.sleep(seconds)
                # What is left of less than a byte is the arithmetic's.
                left = left - seconds * rate if left - seconds * rate > 1 else 0
        finally:
            self.uplink.at_work -= 1
        self.count(size)

    def count(self, size: float) -> None:
        """Count bytes that went over it."""
        self.moved += int(size)
        self.uplink.sent += int(size)


def make(
    name: str, schedule: Schedule, uplink: Uplink, scenario: Scenario, by: random.Random
) -> Link:
    """Return a link as the scenario has them."""
    cuts, at = [], scenario.draw("links.between_cuts", by)
    while at < HORIZON_S:
        end = at + scenario.draw("links.cut", by)
        cuts.append((at, end))
        at = end + scenario.draw("links.between_cuts", by)
    rate, trip = scenario.draw("links.rate", by), scenario.draw("links.round_trip", by)
    return Link(name, schedule, uplink, rate, trip, tuple(cuts))
