"""One line a step: what is done, how long it took, whether it was cached."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from jetson_kit.core import log


@dataclass
class Step:
    """A running step; `note` is shown behind its time."""

    name: str
    note: str = ""


@dataclass
class Progress:
    """Logs steps and keeps their wall times in seconds."""

    quiet: bool = False
    times: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str, doing: str) -> Iterator[Step]:
        """Time a block; `name` is its short key, `doing` what a person reads."""
        step = Step(name)
        started = time.monotonic()
        if sys.stderr.isatty() and not self.quiet and log.shows_steps():
            print(f"  ...   {doing}", end="\r", file=sys.stderr, flush=True)
        yield step
        took = time.monotonic() - started
        self.times[name] = round(took, 3)
        self.say(f"{took:6.1f} s  {doing}" + (f" ({step.note})" if step.note else ""))

    def say(self, text: str) -> None:
        """Log a line, unless quiet."""
        if not self.quiet:
            log.LOG.info("%s", text)
