"""What a rollout asks of hosts, and what they may answer; how they are reached is another matter.

Every call takes hosts and answers for each of them, and may be called again for a host that had
done it: nothing changes then.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

DONE = "done"
HELD = "held"
"""The application says "not now"."""
REFUSED = "refused"
"""The device will not, now or later: no space, wrong device, bad signature."""
FAILED = "failed"
UNREACHABLE = "unreachable"
TIMED_OUT = "timed-out"
BUSY = "busy"
"""Another command is at work there."""
UNPROVISIONED = "unprovisioned"
"""The device's program is not there."""
LOST = (UNREACHABLE, TIMED_OUT, BUSY)
"""What may go well the next time, and leaves open what the device did."""


@dataclass(frozen=True)
class Pace:
    """How fast an application goes, by its image's health check over the last ten seconds."""

    fps: float
    latency_p95_ms: float
    limited: bool = False
    """Whether the image has limits of its own, which its health check holds it to."""


@dataclass(frozen=True)
class Device:
    """A device by its own word."""

    image_id: str = ""
    """What it is on; "" is nothing."""
    trial: bool = False
    rollout: str = ""
    """Which rollout put it there; "" is by hand."""
    since: str = ""
    why: str = ""
    previous: str = ""
    running: str = ""
    healthy: bool | None = None
    """None: that can't be told now."""
    settled: bool = True
    held: str = ""
    problem: str = ""
    ended: str = ""
    """How the application ended, with its last lines; "" where it runs and is healthy."""
    pace: Pace | None = None
    """None where the image's health check tells none, or not yet."""
    left: tuple[tuple[str, str], ...] = ()
    """(image, rollout) of each time that it went back, oldest first."""

    machine: str = ""
    """The same for all names of one running machine; "" where that is not known."""

    def went_back(self, image_id: str, rollout: str) -> bool:
        """Tell whether it left an image that a rollout had put there."""
        return (image_id, rollout) in self.left


@dataclass(frozen=True)
class Reply:
    """What became of a step on one host."""

    kind: str = DONE
    message: str = ""
    device: Device | None = None
    """For `look`; `fits`, `switch` and `confirm` may tell it too, as it is after them."""
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    """For `verify` alone: the median of each task."""
    seconds: float | None = None
    """What the device measured, for `switch` and `rollback`."""
    machine: str = ""
    """For the question for the program: the same for all names of one running machine."""


Replies = Mapping[str, Reply]


class Transport(Protocol):
    """How hosts are reached."""

    def look(self, hosts: Sequence[str]) -> Replies:
        """Return what each is on."""

    def fits(self, hosts: Sequence[str]) -> Replies:
        """Tell whether each takes the release and has the space for it; no image is sent yet.

        A device whose program is another than the controller's gets that one first.
        """

    def fetch(self, hosts: Sequence[str]) -> Replies:
        """Bring the image to each; what runs is not touched."""

    def switch(self, hosts: Sequence[str]) -> Replies:
        """Put each on the image, on trial, and wait until the service is healthy."""

    def verify(self, hosts: Sequence[str]) -> Replies:
        """Verify where inference runs on each, as the inventory expects."""

    def confirm(self, hosts: Sequence[str]) -> Replies:
        """End the trial of each; then it removes images that it does not need any more.

        That old images stay is no failure: `message` then says why.
        """

    def rollback(self, hosts: Sequence[str], why: str) -> Replies:
        """Put each that is on the image back to its previous one, without network."""


class Clock(Protocol):
    """Time, and whether the user wants an end."""

    @property
    def stopping(self) -> bool:
        """Tell whether to stop after the current step."""

    def now(self) -> datetime.datetime:
        """Return the local time."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Wait; less if the user wants an end."""
