"""A simulated fleet: devices that fail, hang, vanish and hold, and a controller that is killed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jetson_kit.fleet.rollout.journal import Journal, Record
from jetson_kit.fleet.rollout.plan import Plan, waves
from jetson_kit.fleet.rollout.rollout import Rollout, requeue
from jetson_kit.fleet.rollout.transport import (
    DONE,
    FAILED,
    HELD,
    REFUSED,
    TIMED_OUT,
    UNREACHABLE,
    Device,
    Pace,
    Replies,
    Reply,
)

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64
APPLICATION_MS = 30.0
BASE_MS = 20.0


class Killed(BaseException):
    """The controller is gone, here and now; as KeyboardInterrupt, it is nobody's error."""


@dataclass
class Board:
    """A device. `nature` says how it behaves: a word for each oddity."""

    nature: tuple[str, ...] = ()
    image: str = OLD
    previous: str = ""
    trial: bool = False
    rollout: str = ""
    switched_at: float = 0.0
    gone: bool = False
    has: set[str] = field(default_factory=lambda: {OLD})
    left: list[tuple[str, str]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    healthy_when_confirmed: bool = True
    machine: str = ""

    def leave(self) -> None:
        """Go back, as mediapipe-image does: from a trial for good, else forth again."""
        self.left.append((self.image, self.rollout))
        self.image, self.previous = self.previous, "" if self.trial else self.image
        self.trial = False

    def healthy(self, now: float) -> bool:
        if self.image != NEW:
            return True
        if "sick-after-confirm" in self.nature and not self.trial:
            return False
        return not ("dies" in self.nature and now - self.switched_at > 20)


def _pace(board: Board) -> Pace | None:
    """Return what an application tells: `app` is one, `app-slow` and `app-silent` the new one."""
    new = board.image == NEW
    if "app" not in board.nature or (new and "app-silent" in board.nature):
        return None
    slow = new and "app-slow" in board.nature
    return Pace(10.0, APPLICATION_MS * (3 if slow else 1), "limited" in board.nature)


@dataclass
class World:
    """The devices and the time; outlives controllers. Steps are counted, and one may kill."""

    boards: dict[str, Board]
    now_s: float = 0.0
    hour: int = 12
    stopping: bool = False
    kill_at: int = -1
    points: int = 0
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    release: str = NEW
    rollout: str = ""
    tells: bool = False
    """Whether devices tell how they are after a switch and a confirmation."""

    def point(self) -> None:
        """Die here if it is the chosen point."""
        self.points += 1
        if self.points - 1 == self.kill_at:
            raise Killed

    # Clock
    def now(self) -> datetime.datetime:
        midnight = datetime.datetime(2026, 1, 1, self.hour)
        return midnight + datetime.timedelta(seconds=self.now_s)

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds

    # Transport
    def _each(self, step: str, hosts: Sequence[str], act: Callable[[Board], Reply]) -> Replies:
        assert hosts, f"{step} of nobody"
        self.calls.append((step, tuple(hosts)))
        self.now_s += 1
        result = {}
        for name in hosts:
            # Between two hosts: what the first ones did is done.
            if step not in ("look", "fits"):
                self.point()
            result[name] = self._one(step, self.boards[name], act)
        return result

    def _one(self, step: str, board: Board, act: Callable[[Board], Reply]) -> Reply:
        count = board.asked[step] = board.asked.get(step, 0) + 1
        if f"vanishes-at-{step}" in board.nature:
            board.gone = True
        if board.gone or "unreachable" in board.nature:
            return Reply(UNREACHABLE, "no route to host")
        if f"flaky-{step}" in board.nature and count % 2:
            return Reply(UNREACHABLE, "connection reset")
        if f"hangs-at-{step}" in board.nature:
            return Reply(TIMED_OUT, "no answer in time")
        reply = act(board)
        if f"hangs-after-{step}" in board.nature:
            return Reply(TIMED_OUT, "no answer in time")
        return reply

    def look(self, hosts: Sequence[str]) -> Replies:
        return self._each("look", hosts, lambda board: Reply(device=self._device(board)))

    def _device(self, board: Board) -> Device:
        return Device(
            board.image, board.trial, board.rollout, previous=board.previous,
            running=board.image, healthy=board.healthy(self.now_s), left=tuple(board.left),
            pace=_pace(board), machine=board.machine,
        )  # fmt: skip

    def fits(self, hosts: Sequence[str]) -> Replies:
        return self._each(
            "fits",
            hosts,
            lambda board: (
                Reply(REFUSED, "no space")
                if "full" in board.nature
                else Reply(device=self._device(board))
            ),
        )

    def fetch(self, hosts: Sequence[str]) -> Replies:
        def one(board: Board) -> Reply:
            if "corrupt" in board.nature:
                return Reply(REFUSED, "layer is damaged")
            board.has.add(self.release)
            return Reply()

        return self._each("fetch", hosts, one)

    def switch(self, hosts: Sequence[str]) -> Replies:
        def one(board: Board) -> Reply:
            if board.image == self.release:
                return Reply()
            others = [item for item in self.boards.values() if "holds-long" not in item.nature]
            first = "holds-once" in board.nature and board.asked["switch"] == 1
            late = "holds-long" in board.nature and any(item.image == OLD for item in others)
            if first or late or "holds" in board.nature:
                return Reply(HELD, "a patient is on the table")
            if self.release not in board.has:
                return Reply(REFUSED, "not on this device")
            board.previous, board.image = board.image, self.release
            board.trial, board.rollout, board.switched_at = True, self.rollout, self.now_s
            if "unhealthy" in board.nature:
                board.leave()
                return Reply(FAILED, "not healthy; went back")
            return Reply(seconds=1.5, device=self._device(board) if self.tells else None)

        return self._each("switch", hosts, one)

    def verify(self, hosts: Sequence[str]) -> Replies:
        def one(board: Board) -> Reply:
            new = board.image == self.release
            if new and "software" in board.nature:
                return Reply(FAILED, "software, expected gpu")
            factor = 3 if new and "slow" in board.nature else 1
            return Reply(latency_ms={"HandLandmarker": BASE_MS * factor})

        return self._each("verify", hosts, one)

    def confirm(self, hosts: Sequence[str]) -> Replies:
        def one(board: Board) -> Reply:
            if board.image != self.release:
                return Reply(REFUSED, "is not what this device is on")
            if board.trial:
                board.healthy_when_confirmed = board.healthy(self.now_s)
            board.trial = False
            return Reply(device=self._device(board) if self.tells else None)

        return self._each("confirm", hosts, one)

    def rollback(self, hosts: Sequence[str], why: str) -> Replies:
        del why

        def one(board: Board) -> Reply:
            if board.image != self.release:
                return Reply()
            if not board.previous:
                return Reply(REFUSED, "there is no previous image")
            board.leave()
            return Reply(seconds=2.0)

        return self._each("rollback", hosts, one)


class DyingJournal(Journal):
    """Kills the controller before a line is on the disk, in its middle, or after it."""

    world: World

    def _write(self, raw: bytes) -> None:
        self.world.point()
        if self.world.points == self.world.kill_at:
            super()._write(raw[: len(raw) // 2])
        self.world.point()
        super()._write(raw)
        self.world.point()


def dying(at: World) -> type[DyingJournal]:
    """Return the kind of journal that dies as a world says: worlds are at work side by side."""
    return type("DyingJournal", (DyingJournal,), {"world": at})


def world(natures: dict[str, str], **more: Any) -> World:
    """Return a fleet with a board of each nature, by name."""
    return World({name: Board(tuple(nature.split())) for name, nature in natures.items()}, **more)


def journal(path: Path, at: World, plan: Plan) -> Journal:
    """Begin the journal of a rollout of NEW to all boards."""
    at.rollout = path.stem
    return dying(at).new(
        path, kind="rollout", by={"host": "here", "pid": 1}, inventory="hosts.yml",
        release={"image_id": NEW, "name": "small"}, plan=plan.as_json(),
        waves=waves(plan, list(at.boards)), hosts=list(at.boards),
    )  # fmt: skip


def run(path: Path, at: World, plan: Plan) -> Record:
    """Run a rollout of NEW to its end, or go on with it."""
    if path.exists() and path.read_bytes().count(b"\n"):
        at.rollout = path.stem
        opened: Journal = dying(at).open(path)
        requeue(opened)
        opened.append("resume", by={"host": "here", "pid": 2})
    else:
        path.unlink(missing_ok=True)
        opened = journal(path, at, plan)
    try:
        return Rollout(opened, plan, at, at).run()
    finally:
        opened.close()


def done(record: Record) -> dict[str, tuple[str, str, bool]]:
    """Return what counts at the end: state, image and doubt of each host."""
    return {name: (host.state, host.image_id, host.unsure) for name, host in record.hosts.items()}


def true(record: Record, at: World) -> None:
    """Check that nothing untrue is reported: above all no success of a host that has none."""
    for name, host in record.hosts.items():
        board = at.boards[name]
        if host.state == "confirmed":
            assert board.image == NEW, name
            assert not board.trial, name
            assert board.healthy(at.now_s), name
            assert board.healthy_when_confirmed, name
        elif not host.unsure and host.ours:
            assert board.image == OLD, (name, host)
        if host.unsure:
            assert host.state == "failed", (name, host)


__all__ = ["DONE", "NEW", "OLD", "Killed", "World", "done", "journal", "run", "true", "world"]
