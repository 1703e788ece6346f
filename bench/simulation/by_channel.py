"""A channel, simulated: boards decide by the board's own program, a person stops it by metrics."""

from __future__ import annotations

import datetime
import heapq
import importlib
import itertools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.simulation import outcome
from bench.simulation.board import NEW, Board
from bench.simulation.boards import EPOCH
from bench.simulation.fleet import Fleet
from bench.simulation.outcome import Outcome
from jetson_kit.core.paths import COLLECTION
from jetson_kit.fleet.channel import policy as policies
from jetson_kit.fleet.channel.policy import Policy
from jetson_kit.fleet.release.terms import FORMAT

# No rollout's way back takes longer than a channel that nobody changes any more.
AFTER_S = 3 * 86400.0


def program() -> Any:  # noqa: ANN401 # the board's program, which is no package of the host's
    """Return the module by which a board decides."""
    files = str(COLLECTION / "roles" / "image" / "files")
    sys.path.insert(0, files)
    try:
        return importlib.import_module("mediapipe_image.channel_policy")
    finally:
        sys.path.remove(files)


@dataclass
class ChannelSimulation:
    """A release in a channel, until no board changes any more.

    Between two changes of what a board would do (a wave begins, the policy is changed, it comes
    back) its polls find nothing new: they are counted by their mean, not simulated one by one.
    """

    fleet: Fleet
    row: Mapping[str, Any]
    policy: Policy = field(init=False)
    stopped: str = ""
    now: float = 0.0
    decisions: list[tuple[str, ...]] = field(default_factory=list)
    changed_at: float = 0.0
    """When a board last changed."""
    polls: int = 0
    """Polls at which the policy was new to a board."""

    def __post_init__(self) -> None:
        """Publish the release."""
        scenario, fleet = self.fleet.scenario, self.fleet
        self.by, self.program = fleet.random("polls"), program()
        shares, step_h = self.row["shares"], float(self.row["step_h"])
        waves = policies.waves(shares, EPOCH, step_h)
        self.policy = Policy(release="releases/new", waves=waves)
        self._begins = [number * step_h * 3600 for number in range(len(shares))]
        self._draws = {
            name: scenario.distribution(f"boards.{name}")
            for name in ("command", "receive", "switch")
        }
        rows = [(board, link) for name, link in fleet.links.items()
                for board in fleet.boards[name].values()]  # fmt: skip
        self._links = {board.name: link for board, link in rows}
        self._heap: list[tuple[float, int, Board | None]] = []
        self._count = itertools.count()
        self._refused: set[str] = set()
        self._publish()

    def run(self) -> None:
        """Go on until nothing changes any more."""
        for number, moment in enumerate(self._begins):
            self._wake_all(moment)
            self.decisions.append(("wave", str(number)))
        looks = float(self.row["look_s"])
        end = self._begins[-1] + AFTER_S
        for number in range(1, int(end / looks) + 1):
            heapq.heappush(self._heap, (number * looks, next(self._count), None))
        while self._heap:
            self.now, _, board = heapq.heappop(self._heap)
            if board is None:
                self._look()
            else:
                self._poll(board)

    def outcome(self, release: str) -> Outcome:
        """Return what it came to."""
        fleet, scenario = self.fleet, self.fleet.scenario
        changed = scenario.draw("traffic.changed", fleet.random("costs"))
        # Polls that find nothing new go on for ever: they are no part of a release.
        fleet.uplink.sent += int(self.polls * changed)
        return outcome.of(
            fleet, plan=self.row["name"], release=release,
            result="stopped" if self.stopped else "some", why=self.stopped,
            ended_s=self.changed_at, decisions=self.decisions, site_states={}, polls=self.polls,
        )  # fmt: skip

    def _publish(self) -> None:
        """Give boards the policy, as they would read it."""
        self._parsed = self.program.parse(self.policy.text().encode())

    def _wake_all(self, moment: float) -> None:
        """Have each board poll for the first time after a moment: its timer is somewhere."""
        for board in self.fleet.everyone():
            self._later(board, moment)

    def _later(self, board: Board, moment: float) -> None:
        # The interval, and as much again at random: seen at any moment, up to that is left.
        interval = self.row["poll_s"] + self.by.uniform(0, self.row["poll_s"])
        when = max(moment, board.off_until) + self.by.uniform(0, interval)
        heapq.heappush(self._heap, (when, next(self._count), board))

    def _poll(self, board: Board) -> None:
        link = self._links[board.name]
        cut = link.cut(self.now)
        if cut is not None:
            self._later(board, cut[1])
            return
        self.polls += 1
        if board.image in self._parsed.leave:
            board.rollback()
            self.changed_at = self.now
            return
        moment = (EPOCH + datetime.timedelta(seconds=self.now)).strftime(FORMAT)
        if not self._parsed.release or self._parsed.paused:
            return
        if self.program.turn(self._parsed, board.name, moment) or board.image == NEW:
            return
        if board.full or board.name in self._refused:
            return
        self._take(board)

    def _take(self, board: Board) -> None:
        """Fetch, switch, watch and confirm, as one poll does."""
        link = self._links[board.name]
        if not board.has:
            link.count(self.fleet.image.size)
            board.has = True
        sharing = min(50, len(self.fleet.boards[link.name]))
        seconds = self.fleet.image.size / (link.rate / sharing)
        seconds += sum(draw.draw(self.by) for draw in self._draws.values())
        at = self.now + seconds
        reply = board.switch(at, self.fleet.image, "channel", 1e9)
        if reply.kind == "held":
            self._later(board, self.now + self.row["poll_s"])
            return
        if board.image != NEW:
            self._refused.add(board.name)
            return
        if board.healthy(at + self.row["soak_s"], self.fleet.image):
            self.changed_at = at + self.row["soak_s"]
            board.confirm(self.changed_at)
        else:
            board.leave()
            self._refused.add(board.name)

    def _look(self) -> None:
        """See how boards are, and take the release back if too many are down."""
        if self.stopped:
            return
        taken = [board for board in self.fleet.everyone() if board.ran]
        down = [board for board in taken if board.name in self._refused
                or not board.healthy(self.now, self.fleet.image)]  # fmt: skip
        if len(down) >= max(5, self.row["rollback_at"] * len(taken)):
            self.stopped = f"a person saw {len(down)} of {len(taken)} boards down, and rolled back"
            self.policy = policies.rolled_back(self.policy, NEW)
            self._publish()
            self.changed_at = self.now
            self.decisions.append(("rollback",))
            # What had been planned of a release that is gone.
            self._heap = [item for item in self._heap if item[2] is not None]
            heapq.heapify(self._heap)
            self._wake_all(self.now)
