"""The OpenGL ES renderer that a program without a window gets here."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson import isolated
from mediapipe_jetson.observation import Absent

# MediaPipe too asks for the default display first, and for EGL's devices after.
PLATFORMS = ("default", "device:0", "device:1", "device:2", "device:3", "surfaceless")
SOFTWARE = re.compile(r"llvmpipe|softpipe|swrast|swiftshader", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One EGL platform: the renderer it gave, or the problem."""

    platform: str
    vendor: Optional[str]
    renderer: Optional[str]
    version: Optional[str]
    egl_vendor: Optional[str]
    egl_version: Optional[str]
    problem: Optional[str]


@dataclasses.dataclass(frozen=True)
class Gl:
    """The renderer of the first platform that gave one, and every attempt.

    A renderer's name can be set by an environment variable: alone it proves no GPU.
    """

    platform: str
    vendor: str
    renderer: str
    version: str
    software: bool
    attempts: tuple[Attempt, ...]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        kind = " (software)" if self.software else ""
        failed = [
            f"EGL platform {attempt.platform}: {attempt.problem}"
            for attempt in self.attempts
            if attempt.problem
        ]
        return (
            f"{self.renderer}{kind}, by {self.vendor}",
            f"{self.version}, EGL platform {self.platform}",
            *failed,
        )


def read(root: Path = Path("/")) -> Union[Absent, Gl]:
    """Open a context on each platform, in a child process; this very machine only."""
    if root != Path("/"):
        return Absent("not tried: it is another machine's tree")
    answers = isolated.ask([f"gl:{platform}" for platform in PLATFORMS])
    attempts = tuple(
        attempt
        for platform in PLATFORMS
        if (attempt := as_attempt(platform, answers[f"gl:{platform}"])) is not None
    )
    for attempt in attempts:
        if attempt.renderer:
            return Gl(
                platform=attempt.platform,
                vendor=attempt.vendor or "",
                renderer=attempt.renderer,
                version=attempt.version or "",
                software=bool(SOFTWARE.search(attempt.renderer)),
                attempts=attempts,
            )
    problems = dict.fromkeys(f"{attempt.platform}: {attempt.problem}" for attempt in attempts)
    return Absent("; ".join(problems))


def as_attempt(platform: str, answer: isolated.Answer) -> Optional[Attempt]:
    """Return the attempt; None for a device that EGL does not have, except the first."""
    if not isinstance(answer, str):
        return Attempt(
            platform=platform,
            vendor=answer["gl_vendor"],
            renderer=answer["gl_renderer"],
            version=answer["gl_version"],
            egl_vendor=answer["egl_vendor"],
            egl_version=answer["egl_version"],
            problem=None,
        )
    further = platform.startswith("device:") and platform != "device:0"
    if further and answer.startswith(("no such device", "no vendor offers")):
        return None
    return Attempt(platform, None, None, None, None, None, answer)
