"""How far provisioning is: which role, and how many boards are through with it."""

from __future__ import annotations

import time
from collections.abc import Callable

from jetson_kit.ansible_driver.events import Event
from jetson_kit.core.text import counted

# As the playbook has them; a test holds the two together.
ROLES = ("docker_engine", "nvidia_runtime", "power_mode", "image", "service")
# Before the first of them some look what can't be done; this one is the last that looks.
LAST_CHECK = "power_mode"
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
        self._checking: set[str] = set()
        self._at: dict[str, int] = {}
        self._bad: set[str] = set()

    def event(self, event: Event) -> None:
        """Take the end of a task on a board: one that is in a role is through with those before."""
        if event.status in BAD:
            self._bad.add(event.host)
        else:
            # It was rescued, or the failure is ignored.
            self._bad.discard(event.host)
        role = event.task.partition(" : ")[0]
        if role not in ROLES:
            return
        if event.host not in self._at:
            if role == LAST_CHECK:
                self._checking.add(event.host)
                return
            if event.host not in self._checking:
                return
            self._at[event.host] = 0
        number = ROLES.index(role)
        # Handlers and roles that call others come back to earlier ones.
        if number > self._at[event.host]:
            self._at[event.host] = number
            self._line(number)

    def _line(self, number: int) -> None:
        done = sum(at >= number for at in self._at.values())
        if done % self._each and done != self._boards:
            return
        failed = f", {len(self._bad)} failed" if self._bad else ""
        took = time.monotonic() - self._begun
        boards = counted(self._boards, "board")
        self._say(f"{took:6.1f} s  {ROLES[number - 1]} done on {done} of {boards}{failed}")
