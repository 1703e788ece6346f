"""A simulated board: what the board's program does, as far as a rollout sees it."""

from __future__ import annotations

from bench.simulation.scenario import Image
from jetson_kit.fleet.rollout.transport import DONE, FAILED, HELD, REFUSED, Device, Reply

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64


class Board:
    """A board; times in seconds of the simulation."""

    __slots__ = (
        "bad",
        "confirmed_at",
        "full",
        "has",
        "hold_s",
        "hold_until",
        "image",
        "left",
        "link",
        "name",
        "off_until",
        "previous",
        "ran",
        "rollout",
        "switched_at",
        "trial",
        "trial_s",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.image, self.previous, self.rollout = OLD, "", ""
        self.trial, self.trial_s = False, 0.0
        self.has = False
        self.left: tuple[tuple[str, str], ...] = ()
        self.switched_at = self.confirmed_at = -1.0
        self.off_until = self.hold_s = self.hold_until = 0.0
        self.full = False
        self.bad = False
        """Whether the new image is bad on it."""
        self.ran = False
        """Whether it ever ran the new image."""

    def healthy(self, now: float, image: Image) -> bool:
        """Tell whether what it runs is healthy."""
        return self.image == OLD or not self.bad or now < self.switched_at + image.after_s

    def device(self, now: float, image: Image) -> Device:
        """Return what it says of itself; a trial that nobody confirmed in time has ended."""
        if self.trial and now > self.switched_at + self.trial_s:
            self.leave()
        return Device(
            self.image, self.trial, self.rollout, previous=self.previous, running=self.image,
            healthy=self.healthy(now, image), left=self.left,
        )  # fmt: skip

    def leave(self) -> None:
        """Go back to the previous image."""
        self.left = (*self.left, (self.image, self.rollout))
        self.image, self.previous = self.previous, "" if self.trial else self.image
        self.trial = False

    def switch(self, now: float, image: Image, rollout: str, trial_s: float) -> Reply:
        """Go to the new image, on trial; back at once if it is not healthy."""
        if self.image == NEW:
            return Reply()
        if self.hold_s and not self.hold_until:
            self.hold_until = now + self.hold_s
        if now < self.hold_until:
            return Reply(HELD, "an operation is in progress")
        if not self.has:
            return Reply(REFUSED, "not on this device")
        self.image, self.previous = NEW, self.image
        self.trial, self.trial_s, self.rollout = True, trial_s, rollout
        self.switched_at, self.ran = now, True
        if not self.healthy(now, image):
            self.leave()
            return Reply(FAILED, "not healthy; went back")
        return Reply(seconds=1.0)

    def confirm(self, now: float) -> Reply:
        """End the trial."""
        if self.image != NEW:
            return Reply(REFUSED, "is not what this device is on")
        self.trial = False
        self.confirmed_at = now
        return Reply(DONE)

    def rollback(self) -> Reply:
        """Go back, if it is on the new image."""
        if self.image == NEW:
            if not self.previous:
                return Reply(REFUSED, "there is no previous image")
            self.leave()
        return Reply(seconds=2.0)
