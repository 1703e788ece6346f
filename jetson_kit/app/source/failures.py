"""What is said of a build from source: how long it may take, and why it failed, in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetson_kit.app.settings import App
from jetson_kit.app.source.container import End
from jetson_kit.app.source.model import Source, Target
from jetson_kit.core import log
from jetson_kit.core.errors import DiskFullError, StepFailedError
from jetson_kit.core.paths import room_hint
from jetson_kit.core.run import FULL_WORDS, NETWORK_WORDS

READ = 8 << 20
# A compiler's, a linker's and Python's own form.
ERRORS = (
    re.compile(r"^\S+:\d+(:\d+)?: (fatal )?error: .+"),
    re.compile(
        r"^(\S+: )?(fatal error|error: command|undefined reference).*|.*: undefined reference to .*"
    ),
    re.compile(r".*: cannot find -l\S+.*"),
    re.compile(r"^(\w+\.)*\w+(Error|Exception|Exit)(: .*)?$"),
    # But for pip's own names of what failed, such as subprocess-exited-with-error.
    re.compile(r"^error: (?!\w+(?:-\w+)+$).+"),
)
KILLED = 137
# What gcc says of its own compiler that the kernel killed.
COMPILER_KILLED = "Killed signal terminated program"
# What programs say without a network; the last is the C library's.
OFFLINE = (*NETWORK_WORDS, "temporary failure in name resolution")
FOLDER = "correct the package, or put its wheel into wheels/"
WHEEL = "name another version of it, or put its wheel into wheels/"
MISSING_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.M)
MISSING_HEADER = re.compile(
    r"fatal error: (\S+): No such file or directory|cannot find -l([^\s:]+)"
)


def announce(source: Source, target: Target, app: App) -> None:
    """Warn of the time that a build under emulation takes, before it starts."""
    core = target.core.name if target.core else target.arch
    log.LOG.warning(
        "warning: %s has no wheel for %s and is compiled under emulation (%s): minutes for a small "
        "package, hours for a large one, at most %d s; --no-emulation refuses it",
        source.label, target.platform, core, app.build.timeout_s,
    )  # fmt: skip


def check(source: Source, end: End, result: Mapping[str, Any], path: Path, app: App) -> None:
    """Raise what a build that gave no wheel deserves: StepFailedError or DiskFullError."""
    label = source.label
    where = f"its log is {path}"
    if end.stopped == "time":
        raise StepFailedError(
            f"{label}: its build took more than {app.build.timeout_s} s and was ended; {where}",
            "raise timeout_s of [build] in jetson.toml, or put its wheel into wheels/",
        )
    text = _read(path)
    if end.stopped == "disk" or (end.code and any(w in text.lower() for w in FULL_WORDS)):
        raise DiskFullError(f"no space left for the build of {label}; {where}", room_hint(path))
    if end.stopped == "memory" or end.code == KILLED or (end.code and COMPILER_KILLED in text):
        raise StepFailedError(
            f"{label}: its build took more than {app.build.memory_mb} MB of memory; {where}",
            "raise memory_mb of [build] in jetson.toml",
        )
    if result.get("error") == "backend":
        reason = str(result.get("words", ""))[:200]
        raise StepFailedError(
            f"{label}: its build backend can't be loaded ({reason}): its pyproject.toml does not "
            "require what it names",
            WHEEL,
        )
    if end.code == 0:
        return  # whoever takes the wheel says whether it is one
    first = first_error(text)
    if any(word in text.lower() for word in OFFLINE):
        raise StepFailedError(
            f"{label} does not build: it needs a network, which a build has not: {first}; {where}",
            WHEEL,
        )
    hint = FOLDER if source.kind == "folder" and not source.filename else WHEEL
    if module := MISSING_MODULE.search(text):
        hint = f"name the package that has {module[1]}: [build] requires in jetson.toml"
    if missing := MISSING_HEADER.search(text):
        what = missing[1] or f"lib{missing[2]}"
        hint = f"name the Debian package that has {what}: [build] debian in jetson.toml"
    raise StepFailedError(f"{label} does not build: {first}; {where}", hint)


def first_error(text: str) -> str:
    """Return the first line of a build's log that says what is wrong, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern in ERRORS:
        for line in lines:
            if pattern.match(line):
                return _printable(line)
    return _printable(lines[-1]) if lines else "it printed nothing"


def _printable(line: str) -> str:
    return "".join(filter(str.isprintable, line))[:300]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(READ).decode("utf-8", "replace")
    except OSError:
        return ""
