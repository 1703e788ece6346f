"""Files of the project that Python would import in place of what MediaPipe needs."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.project import NO_CODE
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scene import Scene

INIT = "__init__.py"


def _folder(item: Finding) -> PurePosixPath:
    """Return the folder of a module which hides another."""
    path = PurePosixPath(item.file)
    return path.parent.parent if path.name == INIT else path.parent


def modules(scene: Scene, facts: dict[str, Any]) -> Result:
    """Judge the names of modules in the folders from which programs with MediaPipe start."""
    scan = scene.scan
    if scan is None:
        return unknown(NO_CODE)
    table = facts["imported"]
    whose = {name: f"Python's own module {name}" for name in table["standard"]}
    whose.update((name, f"the package {name}") for name in table["packages"])
    paths = [PurePosixPath(item.file) for item in scan.programs.sources.values()]
    packages = {path.parent for path in paths if path.name == INIT}
    # A program's folder is on sys.path; of a package it is the folder above that is.
    users = (PurePosixPath(file).parent for file in scan.programs.users)
    folders = {PurePosixPath(), *users} - packages
    findings = []
    for path in paths:
        module = path.parent if path.name == INIT else path
        if module.parent in folders and module.stem in whose and path.suffix == ".py":
            what = f"it is imported in place of {whose[module.stem]}"
            findings.append(Finding(str(path), 0, 1, 1, what, "another name"))
    if findings:
        # A folder whose modules are imported by a dotted name is a package without __init__.py.
        imported = scan.programs.folders_imported() - {PurePosixPath()}
        findings = [item for item in findings if _folder(item) not in imported]
    if findings:
        first = min(findings)
        return bad(first.what, findings=tuple(sorted(findings)), place=first.file)
    if unread := scan.unread_lines(programs=True):
        return unknown("no file hides a module, but some could not be read", *unread)
    return ok("no file of the project has the name of a module that MediaPipe needs")
