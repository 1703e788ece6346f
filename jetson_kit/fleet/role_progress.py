"""How far a playbook is: which role, and how many boards are through with it."""

from __future__ import annotations

import time
from collections.abc import Callable

from jetson_kit.ansible_driver.events import Event
from jetson_kit.core.text import counted

# So many lines a role at most, however many boards there are.
LINES = 10
BAD = ("failed", "unreachable")


class RoleProgress:
    """Says a line each time that more boards are through with a role."""

    def __init__(self, boards: int, say: Callable[[str], None]) -> None:
        self._boards = boards
        self._each = max(1, boards // LINES)
        self._say = say
        self._begun = time.monotonic()
        self._at: dict[str, str] = {}
        self._through: dict[str, set[str]] = {}
        self._bad: set[str] = set()

    def event(self, event: Event) -> None:
        """Take the end of a task on a board: one that is in its next role is through with this."""
        if event.status in BAD:
            self._bad.add(event.host)
        elif event.host in self._bad:
            # It was rescued, or the failure is ignored.
            self._bad.discard(event.host)
        role, _, name = event.task.partition(" : ")
        before = self._at.get(event.host)
        if not name or role == before:
            return
        self._at[event.host] = role
        if before is None:
            return
        done = self._through.setdefault(before, set())
        done.add(event.host)
        if len(done) % self._each == 0 or len(done) == self._boards:
            self._line(before, len(done))

    def _line(self, role: str, done: int) -> None:
        failed = f", {len(self._bad)} failed" if self._bad else ""
        took = time.monotonic() - self._begun
        boards = counted(self._boards, "board")
        self._say(f"{took:6.1f} s  {role} done on {done} of {boards}{failed}")
