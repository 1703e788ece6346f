"""One line a step on standard error: what is done, how long it took, whether it was cached."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_lock = threading.Lock()


@dataclass
class Step:
    """A running step; `note` is shown behind its time."""

    name: str
    note: str = ""


@dataclass
class Progress:
    """Prints steps and keeps their wall times in seconds."""

    quiet: bool = False
    times: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Time a block; `name` is its short key, `doing` what a person reads."""
        step = Step(name)
        started = time.monotonic()
        if sys.stderr.isatty() and not self.quiet:
            with _lock:
                print(f"  ...   {doing}", end="\r", file=sys.stderr, flush=True)
        yield step
        took = time.monotonic() - started
        self.times[name] = round(took, 3)
        self.say(f"{took:6.1f} s  {doing}" + (f" ({step.note})" if step.note else ""))

    def say(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self.quiet:
            with _lock:
                print(f"\033[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
