"""A transport of rollouts to simulated boards, and the clock of the controller beside it."""

from __future__ import annotations

import datetime
import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.simulation.board import Board
from bench.simulation.scenario import Image, Scenario
from bench.simulation.schedule import Schedule, Signal
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.transport import (
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    Replies,
    Reply,
)

EPOCH = datetime.datetime(2026, 1, 1, 8)
# ssh's ConnectTimeout, as the product sets it.
CONNECT_S = 15.0
LATENCY = {"HandLandmarker": 20.0}


@dataclass
class Clock:
    """A controller's clock; `zone_s` is its local time against UTC."""

    schedule: Schedule
    zone_s: float = 0.0
    stopping: bool = False
    _stop: Signal = field(default_factory=Signal)

    def now(self) -> datetime.datetime:
        """Return the local time."""
        return EPOCH + datetime.timedelta(seconds=self.schedule.now + self.zone_s)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return self.schedule.now

    def sleep(self, seconds: float) -> None:
        """Wait; less if somebody wants an end."""
        if not self.stopping:
            self.schedule.wait(self._stop, self.schedule.now + seconds)

    def stop(self) -> None:
        """Want an end."""
        self.stopping = True
        self.schedule.notify(self._stop)


@dataclass
class Way:
    """How a controller reaches a board: whether it can now, and how fast."""

    reach: Callable[[float], bool]
    rate: float
    count: Callable[[float], None]


@dataclass
class Boards:
    """The transport; `plan.concurrency` boards are worked on at a time."""

    schedule: Schedule
    boards: Mapping[str, Board]
    ways: Mapping[str, Way]
    plan: Plan
    image: Image
    rollout_id: str
    scenario: Scenario
    by: random.Random
    kill: Callable[[], None] = lambda: None
    """Called between boards: a test may raise there."""

    def __post_init__(self) -> None:
        """Read what is needed for each exchange."""
        self._seconds = {
            "look": "command", "fits": "command", "fetch": "receive", "switch": "switch",
            "verify": "verify", "confirm": "command", "rollback": "switch",
        }  # fmt: skip
        self._draws = {
            step: self.scenario.distribution(f"boards.{name}")
            for step, name in self._seconds.items()
        }
        self._lost = self.scenario.draw("boards.lost", self.by)
        self._exchange = self.scenario.draw("traffic.exchange", self.by)

    def look(self, hosts: Sequence[str]) -> Replies:
        """Return what each is on."""
        return self._each("look", hosts, self._seen)

    def fits(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each takes the release."""

        def answer(board: Board, now: float) -> Reply:
            return Reply(REFUSED, "no space") if board.full else self._seen(board, now)

        return self._each("fits", hosts, answer)

    def fetch(self, hosts: Sequence[str]) -> Replies:
        """Bring the image to each."""

        def fetch_image(board: Board, now: float) -> Reply:
            del now
            board.has = True
            return Reply()

        return self._each("fetch", hosts, fetch_image, self.plan.fetch_limit_s)

    def switch(self, hosts: Sequence[str]) -> Replies:
        """Put each on the image, on trial."""

        def switch_board(board: Board, now: float) -> Reply:
            return board.switch(now, self.image, self.rollout_id, self.plan.trial_s)

        return self._each("switch", hosts, switch_board)

    def verify(self, hosts: Sequence[str]) -> Replies:
        """Verify where inference runs."""
        return self._each("verify", hosts, lambda board, now: Reply(latency_ms=LATENCY))

    def confirm(self, hosts: Sequence[str]) -> Replies:
        """End the trial of each."""
        return self._each("confirm", hosts, lambda board, now: board.confirm(now))

    def rollback(self, hosts: Sequence[str], why: str) -> Replies:
        """Put each back."""
        del why
        return self._each("rollback", hosts, lambda board, now: board.rollback())

    def _seen(self, board: Board, now: float) -> Reply:
        return Reply(device=board.device(now, self.image))

    def _each(
        self,
        step: str,
        hosts: Sequence[str],
        act: Callable[[Board, float], Reply],
        limit_s: float | None = None,
    ) -> Replies:
        """Do a step on all hosts, as many at a time as the plan says."""
        begun = self.schedule.now
        until = begun + (limit_s or self.plan.step_limit_s)
        places = [begun] * min(self.plan.concurrency, len(hosts))
        result, last = {}, begun
        for name in hosts:
            self.kill()
            start = places[0]
            seconds, reply = self._do_step(
                step, self.boards[name], self.ways[name], act, start, until
            )
            end = min(start + seconds, until) if start < until else until
            heapq.heapreplace(places, end)
            last = max(last, end)
            result[name] = reply
        self.schedule.sleep(last - begun)
        return result

    def _do_step(
        self,
        step: str,
        board: Board,
        way: Way,
        act: Callable[[Board, float], Reply],
        start: float,
        until: float,
    ) -> tuple[float, Reply]:
        """Return how long a step takes on a board from a moment on, and what comes of it."""
        if start >= until:
            return 0.0, Reply(TIMED_OUT, "no answer before the limit")
        if start < board.off_until or not way.reach(start):
            return CONNECT_S, Reply(UNREACHABLE, "no route to host")
        if self.by.random() < self._lost:
            return CONNECT_S, Reply(UNREACHABLE, "connection reset")
        seconds = self._draws[step].draw(self.by)
        moved = self._exchange
        if step == "fetch" and not board.has:
            seconds += self.image.size / way.rate
            moved += self.image.size
        if start + seconds > until:
            return seconds, Reply(TIMED_OUT, "no answer before the limit")
        way.count(moved)
        return seconds, act(board, start + seconds)
