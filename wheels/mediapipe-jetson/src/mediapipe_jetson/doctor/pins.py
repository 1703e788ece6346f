"""Judge what a project asks for: MediaPipe's versions, and other builds under other names."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.doctor import versions

DATA = Path(__file__).resolve().parent.parent / "data" / "wheels.json"
REQUIREMENT = re.compile(
    r"(?P<name>mediapipe[\w.-]*?)\s*(?:\[[^\]]*\])?\s*"
    r"(?P<rest>(?:\(|===|==|~=|!=|<=|>=|<|>|\^|@|;).*)?$",
    re.IGNORECASE,
)
WHEEL = re.compile(
    r"(?P<name>mediapipe[A-Za-z0-9_.]*?)-(?P<version>\d[^-/]*)-[^/]*\.whl", re.IGNORECASE
)
ELSEWHERE = re.compile(
    r"(platform_machine\s*==\s*.(x86_64|AMD64|arm64)|sys_platform\s*==\s*.(win32|darwin))"
    r"|platform_machine\s*!=\s*.aarch64|sys_platform\s*!=\s*.linux|platform_system\s*==\s*.(Win|Dar)"
)


@dataclasses.dataclass(frozen=True)
class Problem:
    """A requirement that is old or wrong, and what to write instead."""

    what: str
    instead: str


def table() -> dict[str, Any]:
    """Return what is known of the wheels."""
    found: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return found


def judge(text: str, old_cpu: Optional[bool] = None) -> Optional[Problem]:
    """Return what is wrong with a requirement, None if nothing or if it is no MediaPipe.

    `old_cpu` tells that the board's CPU lacks what MediaPipe 1.x needs; None where it isn't known.
    """
    known = table()
    text = text.strip().strip("\"'")
    wheel = WHEEL.search(text)
    if wheel:
        return _wheel(known, wheel.group("name"), wheel.group("version"), old_cpu)
    found = REQUIREMENT.match(text)
    if not found:
        return None
    specifier, _, marker = (found.group("rest") or "").partition(";")
    if ELSEWHERE.search(marker):
        return None
    name = _normal(found.group("name"))
    if name in known["others"]:
        return _other(known, name)
    if name != "mediapipe":
        return None
    return _versions(known, text.partition(";")[0].strip(), specifier.strip().strip("()"), old_cpu)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _other(known: dict[str, Any], name: str) -> Problem:
    return Problem(f"{name}: {known['others'][name]}", f"mediapipe>={known['gpu'][0]}")


def _wheel(
    known: dict[str, Any], name: str, version: str, old_cpu: Optional[bool]
) -> Optional[Problem]:
    if _normal(name) in known["others"]:
        return _other(known, _normal(name))
    if _normal(name) != "mediapipe":
        return None
    found = _versions(known, "", f"=={version.partition('_')[0]}", old_cpu)
    if not found:
        return None
    return Problem(f"a wheel file of mediapipe {version}: old, or for another CPU", found.instead)


def _versions(
    known: dict[str, Any], shown: str, specifier: str, old_cpu: Optional[bool]
) -> Optional[Problem]:
    last = known["last_without_dotprod"]
    try:
        gpu = versions.allowed(specifier, known["gpu"])
        cpu = versions.allowed(specifier, known["cpu_only"])
        x86 = versions.allowed(specifier, known["x86_only"])
        heavy = [*versions.allowed(specifier, ["1.0.0"]), *gpu]
    except ValueError:
        return None
    good = f"mediapipe=={last}" if old_cpu else f"mediapipe>={known['gpu'][0]}"
    if x86 and not cpu and not heavy:
        return Problem(f"{shown}: there is no aarch64 wheel of it", good)
    if old_cpu and heavy:
        return Problem(f"{shown}: pip takes {heavy[-1]}, which this CPU can't load", good)
    if old_cpu or gpu or _beyond(known, specifier):
        return None
    return Problem(
        f"{shown}: its aarch64 wheels have no GPU inside",
        f"{good} ({last} only for Xavier, TX2, TX1 and Nano)",
    )


def _beyond(known: dict[str, Any], specifier: str) -> bool:
    """Return whether a specifier names a version later than all that are known."""
    newest = versions.parse(known["gpu"][-1])
    named = re.findall(r"\d+(?:\.\d+)*", specifier)
    return any(
        versions.parse(item) > newest and versions.allowed(specifier, [item]) for item in named
    )
