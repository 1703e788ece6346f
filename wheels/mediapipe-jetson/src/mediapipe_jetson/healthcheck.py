"""`healthcheck`: this wheel as installed, the models as listed, the application alive."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mediapipe_jetson import __version__, models, pace
from mediapipe_jetson.diagnosis import refused_here
from mediapipe_jetson.exit_codes import BAD_INPUT
from mediapipe_jetson.usage import line, program

FILE_VARIABLE = "MEDIAPIPE_JETSON_HEALTH_FILE"
AGE_VARIABLE = "MEDIAPIPE_JETSON_HEALTH_MAX_AGE_S"
DEFAULT_AGE_S = 30.0
USAGE = """\
usage: {program} healthcheck

The container's health, in one line: 0 healthy, 1 not. See {file}, {age}, {fps}, {latency}.
"""


def wheel_problem() -> Optional[str]:
    """Return what is wrong with this wheel's installed files; None if they are as recorded."""
    try:
        installed = importlib.metadata.distribution("mediapipe-jetson")
    except importlib.metadata.PackageNotFoundError:
        return "mediapipe-jetson is not installed as a package"
    if installed.version != __version__:
        return f"mediapipe-jetson {installed.version} is recorded, {__version__} is here"
    # Its `files` would leave out what is missing, from Python 3.12 on.
    for name, recorded, _ in csv.reader((installed.read_text("RECORD") or "").splitlines()):
        # Scripts outside of the package may be left out of an image.
        if not recorded or name.partition("/")[0] != __package__:
            continue
        try:
            content = Path(str(installed.locate_file(name))).read_bytes()
        except OSError as error:
            return f"{name}: {error.strerror}"
        mode, _, value = recorded.partition("=")
        digest = hashlib.new(mode, content).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != value:
            return f"{name} is not as it was installed"
    return None


def application_problem(now: float) -> Optional[str]:
    """Return why the application seems dead at `now` (seconds since 1970); None if alive."""
    name = os.environ.get(FILE_VARIABLE)
    if not name:
        return None
    try:
        allowed = float(os.environ.get(AGE_VARIABLE) or DEFAULT_AGE_S)
    except ValueError:
        return f"{AGE_VARIABLE} is no number of seconds"
    try:
        facts = Path(name).stat()
    except OSError as error:
        return f"the application's {name}: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return f"the application's {name} is no regular file"
    age = now - facts.st_mtime
    # A board without a clock may start in the past: a time far ahead is as little proof as an old.
    if not -allowed <= age <= allowed:
        return f"the application's {name} is {age:.0f} s old, allowed are {allowed:g} s"
    return None


def pace_problem() -> Optional[str]:
    """Return which of the application's limits is not kept; None if all are, or there is none."""
    try:
        limits = pace.limits(os.environ)
    except ValueError as error:
        return str(error)
    name = os.environ.get(FILE_VARIABLE)
    if limits and not name:
        return f"limits are set, and no {FILE_VARIABLE} to measure by"
    return limits.problem(pace.read(Path(name))) or None if name else None


def _measured() -> str:
    """Return the application's pace, and whether limits hold for it; "" where it tells none."""
    name = os.environ.get(FILE_VARIABLE)
    measured = pace.read(Path(name)) if name else None
    if measured is None or measured.seconds < pace.WINDOW_S:
        return ""
    held = ", within its limits" if pace.limits(os.environ) else ""
    return f": {measured.text()}{held}"


def cpu_problem() -> Optional[str]:
    """Return why MediaPipe can't run on this CPU; None if it may."""
    never = refused_here()
    return never.message if never else None


def main(arguments: Sequence[str]) -> int:
    """Print one line; return 0 if all is well, 1 if not."""
    if arguments:
        if arguments[0] in ("-h", "--help"):
            text = USAGE.format(program=program(), file=FILE_VARIABLE, age=AGE_VARIABLE,
                fps=pace.FPS_VARIABLE, latency=pace.LATENCY_VARIABLE)  # fmt: skip
            print(text, end="")
            return 0
        print(line(f"error: healthcheck takes no {arguments[0]!r}"), file=sys.stderr)
        return BAD_INPUT
    problem = (
        application_problem(time.time())
        or pace_problem()
        or wheel_problem()
        or models.problem(models.models_folder())
        or cpu_problem()
    )
    print(f"unhealthy: {' '.join(problem.split())}" if problem else f"healthy{_measured()}")
    return 1 if problem else 0
