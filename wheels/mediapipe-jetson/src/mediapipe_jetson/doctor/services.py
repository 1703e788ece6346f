"""How the project's services and scripts ask for a GPU, one by one."""

from __future__ import annotations

from mediapipe_jetson.doctor import projects
from mediapipe_jetson.doctor.files import compose
from mediapipe_jetson.doctor.files.facts import Service
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import Result, bad
from mediapipe_jetson.doctor.scene import Scene

RUNTIME, SHOWING = "runtime: nvidia", "NVIDIA_VISIBLE_DEVICES=all"


def findings(scene: Scene, default_runtime: str) -> tuple[Finding, ...]:
    """Return the services and commands that ask for a GPU in a way that does not work on Jetson."""
    if scene.scan is None:
        return ()
    commands = list(scene.scan.commands) if default_runtime != "nvidia" else []
    for item in scene.scan.services:
        what = _wrong(item, default_runtime)
        if what:
            instead = RUNTIME if item.asks != compose.HIDING else SHOWING
            commands.append(Finding(item.file, 0, item.line, 1, f"{_name(item)}: {what}", instead))
    # A service that others include or extend is the same one.
    return tuple(sorted(set(commands)))


def wrong(written: tuple[Finding, ...]) -> Result:
    """Return the result, with a cure for the kind of file that the first one stands in."""
    first = written[0]
    cure = {RUNTIME: "service", SHOWING: "hidden"}.get(first.instead, "")
    return bad(first.what, cure=cure, findings=written, place=first.place())


def _wrong(item: Service, default_runtime: str) -> str:
    if item.asks == compose.RESERVED and default_runtime != "nvidia" and not item.open:
        return "a GPU is reserved without runtime: nvidia"
    if item.asks == compose.HIDING:
        return "NVIDIA_VISIBLE_DEVICES hides the GPU"
    return ""


def doubts(scene: Scene, default_runtime: str) -> list[str]:
    """Return the services of which it can't be told whether they get the GPU."""
    if scene.scan is None:
        return []
    lines = []
    for item in scene.scan.services:
        place = f"{item.file}:{item.line}: {_name(item)}"
        if item.open:
            lines.append(f"{place}: {item.open}")
        elif item.asks == compose.CDI:
            lines.append(f"{place}: it names the GPU by CDI, which needs the toolkit in cdi mode")
        elif not item.asks and default_runtime != "nvidia" and not projects.plain(item.image):
            lines.append(f"{place}: it asks for no GPU")
    lines += [
        f"not read: {item.file} ({item.why})"
        for item in scene.scan.unread
        if "compose" in item.file or "ocker" in item.file or item.editors
    ]
    return lines


def _name(item: Service) -> str:
    profiles = f" (profile {', '.join(item.profiles)})" if item.profiles else ""
    return f"service {item.name}{profiles}"
