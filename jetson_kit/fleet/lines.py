"""Lines that add up to a state: what every journal of a rollout is, wherever it stands."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

State = TypeVar("State")


class Lines(Generic[State]):
    """Lines in memory; `record` is the state after the last one. Journals keep them on a disk."""

    def __init__(
        self, apply: Callable[[State, Mapping[str, Any]], State], record: State, number: int = 0
    ) -> None:
        self.record = record
        self.listener: Callable[[Mapping[str, Any], State], None] | None = None
        """Is told each line when it counts."""
        self._apply = apply
        self._number = number

    def append(self, event: str, **facts: Any) -> None:  # noqa: ANN401
        """Keep a line, then take it into the state. Raises what keeping it raises."""
        line = {"seq": self._number, "at": self.now(), "event": event, **facts}
        self._check(line)
        state = self._apply(self.record, line)
        self._keep(line)
        self.record, self._number = state, self._number + 1
        if self.listener:
            self.listener(line, state)

    def now(self) -> str:
        """Return the time of a line, in UTC."""
        return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")

    def _check(self, line: Mapping[str, Any]) -> None:
        """Refuse a line that no reader would take."""

    def _keep(self, line: Mapping[str, Any]) -> None:
        """Keep a line before it counts."""

    def close(self) -> None:
        """Close what it is kept in."""
