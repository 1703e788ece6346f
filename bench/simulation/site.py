"""A simulated site: its controller's process runs the product's rollout on simulated boards."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.simulation.board import NEW
from bench.simulation.boards import EPOCH, Boards, Clock
from bench.simulation.schedule import Schedule, Signal
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.lines import Lines
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout import plan as board_plans
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.rollout.rollout import Rollout, requeue
from jetson_kit.fleet.rollout.steps import InterruptedRolloutError
from jetson_kit.fleet.rollout.take_back import undo_all

State = TypeVar("State")
ENVELOPE = len(json.dumps({"kind": "line", "text": ""}))
BY = {"host": "simulated", "pid": 1}


class Killed(BaseException):
    """The process is gone, here and now."""


@dataclass
class SiteProcess:
    """The controller of one site, and its journal."""

    name: str
    schedule: Schedule
    boards: Boards
    clock: Clock
    journal: Lines[Record] = field(init=False)
    news: Signal = field(default_factory=Signal)
    at_work: bool = False
    error: KitError | None = None
    copied: int = 0
    """Bytes of lines, as they go to the central controller."""

    def __post_init__(self) -> None:
        """Begin a journal, and listen to it."""
        self.journal = SimulatedLines(self.schedule, journals.apply, Record())
        self.journal.listener = self._line

    @property
    def begun(self) -> bool:
        """Tell whether a rollout ever began here."""
        return bool(self.journal.record.id)

    def start(self, number: str, plan: Plan) -> None:
        """Begin a rollout, or go on with it."""
        self._begin(lambda: self._roll_out(number, plan))

    def back(self, why: str) -> None:
        """Begin to take back all of it."""
        self._begin(lambda: self._undo(why))

    def halt(self) -> None:
        """Ask the process to stop after its step."""
        if self.at_work:
            self.clock.stop()

    def _begin(self, work: Any) -> None:  # noqa: ANN401 # a function
        self.at_work, self.error, self.clock.stopping = True, None, False

        def process() -> None:
            try:
                work()
            except KitError as error:
                self.error = error
            except Killed:
                pass
            self.at_work = False
            self.schedule.notify(self.news)

        self.schedule.begin(process)

    def _rollout(self, plan: Plan) -> Rollout:
        self.boards.plan = plan
        return Rollout(self.journal, plan, self.boards, self.clock)

    def _roll_out(self, number: str, plan: Plan) -> Record:
        """Do as the product's start and resume do with files."""
        record = self.journal.record
        if not self.begun:
            waves = board_plans.waves(plan, list(self.boards.boards))
            journals.begin(
                self.journal, number, kind="rollout", by=BY, inventory=self.name,
                release={"image_id": NEW, "name": "simulated"}, plan=plan.as_json(), waves=waves,
                hosts=[name for wave in waves for name in wave.hosts],
            )  # fmt: skip
            return self._rollout(plan).run()
        plan = board_plans.parse(record.header["plan"])
        if record.over:
            if record.stop is not None:
                return record
            self.journal.append("resume", by=BY)
            return self._rollout(plan).review()
        requeue(self.journal)
        self.journal.append("resume", by=BY)
        return self._rollout(plan).run()

    def _undo(self, why: str) -> Record:
        plan = board_plans.parse(self.journal.record.header["plan"])
        return undo_all(self._rollout(dataclasses.replace(plan, scope="rollout")), why)

    def _line(self, line: Mapping[str, Any], record: Record) -> None:
        del record
        text = json.dumps(line, sort_keys=True)
        # As JSON in JSON: each quote and backslash takes a backslash more.
        self.copied += len(text) + text.count('"') + text.count("\\") + ENVELOPE
        self.schedule.notify(self.news)


class SimulatedLines(Lines[State]):
    """Lines in memory whose times are the simulation's."""

    def __init__(
        self,
        schedule: Schedule,
        apply: Callable[[State, Mapping[str, Any]], State],
        record: State,
    ) -> None:
        super().__init__(apply, record)
        self._schedule = schedule

    def now(self) -> str:
        """Return the simulated time, as long as a real one."""
        when = EPOCH + datetime.timedelta(seconds=round(self._schedule.now, 3))
        return when.isoformat(timespec="milliseconds") + "+00:00"


def stopped(process: SiteProcess) -> bool:
    """Tell whether the process ended because it was asked to."""
    return isinstance(process.error, InterruptedRolloutError)
