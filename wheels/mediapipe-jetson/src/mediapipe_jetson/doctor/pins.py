"""Judge what a project asks for: MediaPipe's versions, and other builds under other names."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.doctor import versions
from mediapipe_jetson.doctor.files import markers
from mediapipe_jetson.doctor.files.facts import COMMAND, ROSDEP, Requirement

DATA = Path(__file__).resolve().parent.parent / "data" / "wheels.json"
AUDIT = "run ./inv wheels.audit on the wheel: names and versions prove nothing"

UNSET = (
    "no file that was read sets the variable there (a stage of a Dockerfile sees an ARG from "
    "before FROM where it names it again)"
)


@dataclasses.dataclass(frozen=True)
class Board:
    """What is known of where the project runs.

    `old_cpu`: the CPU lacks what MediaPipe 1.x needs, None where it isn't known; `python`: the
    project's Python such as "3.8", "" where it isn't known; `obstacle`: where a Python without a
    wheel is asked for; `kit`: MediaPipe's version in the kit's image, where the project runs in it
    or is to run in it.
    """

    old_cpu: Optional[bool] = None
    python: str = ""
    obstacle: str = ""
    kit: str = ""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A requirement that is old or wrong, or (`known` is False) that only an audit can judge.

    `stays`: the requirement is right; the Python or the image below it is not.
    """

    what: str
    instead: str
    known: bool = True
    stays: bool = False


@functools.lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return what is known of the wheels."""
    document: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return document


def is_mediapipe(name: str) -> bool:
    """Return whether a package is MediaPipe or may be a build of it."""
    known = table()
    if name == "mediapipe" or name in known["others"] or name in known["unaudited"]:
        return True
    return "mediapipe" in name.split("-") and name not in known["no_builds"]


def is_known_build(name: str) -> bool:
    """Return whether a package is MediaPipe, or a build of it whose inside is known."""
    return name == "mediapipe" or name in table()["others"]


def good(board: Board) -> str:
    """Return what to ask for on this board."""
    if board.kit:
        return f"mediapipe without a version: the kit's image brings its own, {board.kit}"
    known = table()
    last = known["last_without_dotprod"]
    if board.old_cpu:
        text = (
            f"mediapipe=={last} (the last official one that this CPU can load; it stays on the "
            "CPU: for the GPU run the project in the kit's image for this board)"
        )
    else:
        text = f"mediapipe>={known['gpu'][0]}"
        if board.old_cpu is None:
            text += " for Orin and Thor (on an older board run the doctor there, for its own cure)"
    if board.obstacle:
        text += f", once Python is {known['python']['oldest']} or later ({board.obstacle})"
    return text


def replacement(item: Requirement, board: Board) -> str:
    """Return what to ask for on this board, in the syntax of the requirement's file."""
    text = good(board)
    match = re.match(r"mediapipe([<>=]+[\d.]+)", text)
    if board.kit or match is None:
        return text
    form = match[0]
    if re.match(rf"[\"']?{re.escape(item.name)}[\"']?\s*=(?!=)", item.text):
        form = f'mediapipe = "{match[1]}"'
    elif item.role == COMMAND and not item.file.endswith((".py", ".pyw")):
        form = f"'{match[0]}'"  # a shell takes > for a file
    return form + text[match.end() :]


def judge(item: Requirement, board: Board) -> Optional[Problem]:  # noqa: PLR0911
    """Return what is wrong with a requirement, None if nothing is or if it is no MediaPipe."""
    known = table()
    if not is_mediapipe(item.name) or markers.elsewhere(item.marker):
        return None
    if item.name in known["others"]:
        return Problem(
            f"{item.name}: {known['others'][item.name]}", f"write {replacement(item, board)}"
        )
    if item.source.endswith(".whl"):
        refused = _refused(item, board)
        if refused:
            return Problem(
                f"a wheel file: {item.source}: {refused}", f"write {replacement(item, board)}"
            )
        return Problem(f"a wheel file: {item.source}", AUDIT, known=False)
    if item.name != "mediapipe":
        why = known["unaudited"].get(item.name, "a build that the kit does not know")
        return Problem(f"{item.name}: {why}", AUDIT, known=False)
    if item.source:
        shown = item.text if item.source in item.text else f"{item.text}, from {item.source}"
        return Problem(shown, AUDIT, known=False)
    if "+" in item.specifier:
        return Problem(f"{item.text}: a build that is not on PyPI", AUDIT, known=False)
    return _versions(item, board)


def refused(item: Requirement, board: Board) -> Optional[Problem]:
    """Return why pip can't install a requirement on a board, None where it may be able to."""
    known = table()
    if item.name != "mediapipe" or markers.elsewhere(item.marker):
        return None
    better = f"write {replacement(item, board)}"
    if item.source:
        why = _refused(item, board) if item.source.endswith(".whl") else ""
        return Problem(f"a wheel file: {item.source}: {why}", better) if why else None
    try:
        wheels = [
            version
            for kind in ("gpu", "cpu_only")
            for version in versions.allowed(item.specifier, known[kind])
        ]
        later = _beyond(known, item.specifier)
    except ValueError:
        return None
    python = item.python or board.python
    if later or any(_fits(known, version, python) for version in wheels):
        return None
    which = f"for Python {python}" if wheels else "of it"
    return Problem(f"{item.text}: there is no aarch64 wheel {which}: the script ends here", better)


def only_python(item: Requirement) -> str:
    """Return the one Python that a wheel of MediaPipe for boards is for, by its name; else ""."""
    parts = item.source.removesuffix(".whl").rsplit("-", 3)
    board = item.source.endswith(".whl") and len(parts) == 4 and parts[3].endswith("_aarch64")
    if not board or not is_mediapipe(item.name) or markers.elsewhere(item.marker):
        return ""
    match = re.fullmatch(r"cp3(\d+)", parts[1])
    return f"3.{match[1]}" if match and parts[2] != "abi3" else ""


def _refused(item: Requirement, board: Board) -> str:
    """Return why pip refuses a wheel file on a board, by the tags in its name; else ""."""
    parts = item.source.removesuffix(".whl").rsplit("-", 3)
    if len(parts) < 4:
        return ""
    tags, platforms = parts[1].split("."), parts[3].split(".")
    if not any(tag == "any" or tag.endswith("_aarch64") for tag in platforms):
        return f"it is for {parts[3]}, and pip refuses it on a Jetson"
    python = item.python or board.python
    minors = [match[1] for tag in tags if (match := re.fullmatch(r"cp3(\d+)", tag))]
    if python and len(minors) == len(tags) and python.split(".")[1:2] != minors[:1]:
        stable = parts[2] == "abi3" and versions.at_least(python, f"3.{minors[0]}")
        if not stable and python.split(".")[1] not in minors:
            return f"it is for Python 3.{minors[0]}, and pip refuses it on {python}"
    return ""


def _versions(item: Requirement, board: Board) -> Optional[Problem]:  # noqa: PLR0911
    known = table()
    try:
        gpu, cpu, x86 = (
            versions.allowed(item.specifier, known[kind])
            for kind in ("gpu", "cpu_only", "x86_only")
        )
        later = _beyond(known, item.specifier)
    except ValueError:
        why = UNSET if "$" in item.specifier else AUDIT
        return Problem(f"{item.text}: its version can't be read", why, known=False)
    demanding = [
        *(version for version in cpu if versions.at_least(version, known["needs"]["from"])),
        *gpu,
    ]
    universal = [version for version in cpu if version not in demanding]
    better = f"write {replacement(item, board)}"
    if item.role == ROSDEP:  # its keys have no versions
        better = f"take it out, and install {replacement(item, board)} by pip"
    if board.kit and board.obstacle and item.role == COMMAND:
        better = better.replace("version:", "version in requirements.txt, not here:")
    elif board.kit:
        fits_image = versions.allowed(item.specifier, [board.kit])
        return None if fits_image else Problem(f"{item.text}: not what the image has", better)
    if later and not gpu:
        return Problem(f"{item.text}: later than all that the kit knows", AUDIT, known=False)
    if not cpu and not gpu:
        why = "there is no aarch64 wheel of it" if x86 else "PyPI has no aarch64 wheel of it"
        return Problem(f"{item.text}: {why}", better)
    python = item.python or board.python
    fits = [version for version in (*cpu, *gpu) if _fits(known, version, python)]
    if python and not fits and not board.obstacle:
        return Problem(f"{item.text}: it has no aarch64 wheel for Python {python}", better)
    newest = demanding[-1] if demanding else ""
    if board.old_cpu:
        return (
            Problem(f"{item.text}: pip takes {newest}, which this CPU can't load", better)
            if demanding
            else None
        )
    if not gpu:
        return Problem(f"{item.text}: its aarch64 wheels have no GPU inside", better)
    if board.obstacle and not _is_later(item.python):
        oldest = known["python"]["oldest"]
        return Problem(
            f"{item.text}: on that Python pip takes a wheel that fails on import, or none",
            f"leave it as it is, once Python is {oldest} or later ({board.obstacle})",
            stays=True,
        )
    if board.old_cpu is None and not universal:
        what = f"{item.text}: right for Orin and Thor; Xavier, TX2, TX1 and Nano can't load it"
        return Problem(what, "run the doctor on the board", known=False)
    if board.old_cpu is None:
        what = (
            f"{item.text}: pip takes {newest}, right for Orin and Thor; older boards can't load it"
        )
        return Problem(what, "run the doctor on the board", known=False)
    return None


def _is_later(python: str) -> bool:
    """Return whether a command names a Python that there are wheels with the GPU inside for."""
    oldest = table()["python"]["oldest"]
    return bool(python) and versions.at_least(python, oldest)


def _fits(known: dict[str, Any], version: str, python: str) -> bool:
    low, high = known["pythons"].get(version, ("0", "99"))
    return not python or versions.parse(low) <= versions.parse(python)[:2] <= versions.parse(high)


def _beyond(known: dict[str, Any], specifier: str) -> bool:
    """Return whether a specifier names a version later than all that are known."""
    newest = versions.parse(known["gpu"][-1])
    named = re.findall(r"\d+(?:\.\d+)*", specifier)
    return any(
        versions.parse(item) > newest and versions.allowed(specifier, [item]) for item in named
    )
