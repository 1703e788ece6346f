"""The user's code and requirements, where `--code` names them."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.sources import Scan

NO_CODE = "no code was named; --code DIR looks through a project"


def legacy(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge the programs."""
    if scene.scan is None:
        return unknown(NO_CODE)
    found = scene.scan.uses
    if not found:
        return _clean(scene.scan, "uses of the legacy API")
    files = len({entry.file for entry in found})
    seen = f"{len(found)} uses in {files} {'file' if files == 1 else 'files'}"
    return bad(seen, *_unread(scene.scan), findings=tuple(found), first=found[0].text())


def requirements(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge what pip would be asked for."""
    if scene.scan is None:
        return unknown(NO_CODE)
    found: list[Finding] = scene.scan.pins
    if not found:
        return _clean(scene.scan, "old or wrong wheels")
    first = found[0]
    return bad(first.what, findings=tuple(found), instead=first.instead, place=first.place())


def _clean(scan: Scan, what: str) -> Result:
    """Return ok only where every file could be read."""
    if scan.unread:
        more = f" and {len(scan.unread) - 1} more" if len(scan.unread) > 1 else ""
        first = scan.unread[0]
        return unknown(f"no {what} seen, but not read: {first.file} ({first.why}){more}")
    if not scan.read:
        return unknown(f"{scan.folder} has no Python file, notebook, requirements or Dockerfile")
    return ok(f"no {what} in {scan.read} {'file' if scan.read == 1 else 'files'}")


def _unread(scan: Scan) -> tuple[str, ...]:
    return tuple(f"not read: {item.file} ({item.why})" for item in scan.unread[:5])
