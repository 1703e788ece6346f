"""A bounded queue between two threads that can be ended from either side.

The standard library's queue can't be closed before Python 3.13, and never drops the oldest.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
POLICIES = ("all", "latest")


@dataclass(frozen=True)
class Depth:
    """How full a channel was, as each item that came found it; `mean` and `most` in items."""

    name: str
    capacity: int
    policy: str
    items: int
    mean: float
    most: int
    dropped: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {**self.__dict__, "mean": round(self.mean, 2)}


class Channel(Generic[Item]):
    """One writer, one reader. `all` makes the writer wait; `latest` drops the oldest instead."""

    def __init__(self, name: str, capacity: int = 2, policy: str = "all") -> None:
        if policy not in POLICIES:
            raise ValueError(f"no policy {policy!r}: choose one of {', '.join(POLICIES)}")
        if capacity < 1:
            raise ValueError(f"a queue holds 1 or more, not {capacity}")
        self.name, self.capacity, self.policy = name, capacity, policy
        self._items: deque[Item] = deque()
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._taken = threading.Condition(self._lock)
        self._finished = self._stopped = False
        self._puts = self._sum = self._most = self._dropped = 0

    def put(self, item: Item) -> bool:
        """Hand an item over; return False once the channel was stopped: nobody will take it."""
        with self._lock:
            while len(self._items) >= self.capacity and not self._stopped:
                if self.policy == "latest":
                    self._items.popleft()
                    self._dropped += 1
                else:
                    self._taken.wait()
            if self._stopped:
                return False
            self._puts += 1
            self._sum += len(self._items)
            self._items.append(item)
            self._most = max(self._most, len(self._items))
            self._filled.notify()
            return True

    def finish(self) -> None:
        """Say that no more items come; the reader still gets those that are there."""
        with self._lock:
            self._finished = True
            self._filled.notify_all()

    def stop(self) -> None:
        """End both sides at once; what was not taken is let go."""
        with self._lock:
            self._stopped = True
            self._items.clear()
            self._filled.notify_all()
            self._taken.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """Give the items as they come, until the channel was finished or stopped."""
        while True:
            with self._lock:
                while not (self._items or self._finished or self._stopped):
                    self._filled.wait()
                if not self._items:
                    return
                item = self._items.popleft()
                self._taken.notify()
            yield item

    def depth(self) -> Depth:
        """Return how full it was so far."""
        with self._lock:
            mean = self._sum / self._puts if self._puts else 0.0
            return Depth(
                self.name, self.capacity, self.policy, self._puts, mean, self._most, self._dropped
            )
