"""What a project installs: MediaPipe's wheel, the Python below it, and the image below that."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath
from typing import Any, Optional

from mediapipe_jetson.doctor import (
    kit_image,
    origins,
    pins,
    projects,
    readme_installs,
    relevance,
    versions,
)
from mediapipe_jetson.doctor.files import locks, markers
from mediapipe_jetson.doctor.files.facts import LOCK, MANIFEST, STOPS, PythonPin, Requirement
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.pins import AUDIT, Board, Problem
from mediapipe_jetson.doctor.project_python import brought, obstacles
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scanned import ASIDE
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.sources import Scan
from mediapipe_jetson.observe.l4t import L4t

NO_CODE = "no code was named; --code DIR looks through a project"


def board(scene: Scene) -> Board:
    """Return what is known of where the project runs, by the board, else by its images."""
    old = scene.old_cpu
    scan = scene.scan
    if scan is None:
        return Board(old)
    if old is None:
        old_cpus = {
            known.old_cpu
            for item in scan.images
            if (known := projects.image(item.image)) and known.l4t
        }
        old = old_cpus.pop() if len(old_cpus) == 1 else None
    wrong = [item for item in obstacles(scan, _release(scene))[0] if not item.foreign]
    exact = {minor for pin in relevance.pythons(scan) for minor in _only(pin)}
    python = exact.pop() if len(exact) == 1 else ""
    _, kit = kit_image.runs_in(scan)
    own = next((item.kit for item in wrong if item.kit), "") if old else ""
    return Board(old, python, wrong[0].place if wrong else "", kit or own)


def _release(scene: Scene) -> str:
    """Return the board's L4T, "" where no board is seen."""
    return scene.l4t.release if isinstance(scene.l4t, L4t) else ""


def _only(pin: PythonPin) -> list[str]:
    try:
        result = projects.minors(pin)
    except ValueError:
        return []
    return result if len(result) == 1 else []


def covering(scan: Scan, item: Requirement) -> list[Requirement]:
    """Return what lock files beside or above a manifest pin for its package."""
    here = PurePosixPath(item.file).parent
    return [
        other
        for other in scan.asking(item.name)
        if other.role == LOCK
        and other.file != item.file
        and (
            PurePosixPath(other.file).parent == here
            or PurePosixPath(other.file).parent in here.parents
        )
        and not markers.elsewhere(other.marker)
    ]


def effective(scan: Scan) -> list[Requirement]:
    """Return what boards install: a lock file counts for more than what it was made from.

    It leaves out what a script replaces further down, and what a stage that leads nowhere
    installs.
    """
    result = []
    for item in scan.requirements:
        away = markers.elsewhere(item.marker) or scan.leads_nowhere(item.file, item.line)
        if away or item.replaced:
            continue
        locked = covering(scan, item) if item.role == MANIFEST else []
        if not locked or not all(agrees(item, other) for other in locked):
            result.append(item)
    return result


def agrees(manifest: Requirement, lock: Requirement) -> bool:
    """Return whether a manifest allows what a lock file pins."""
    pinned = lock.specifier.lstrip("=")
    if manifest.source or not pinned:
        return bool(manifest.source) == bool(lock.source)
    try:
        return bool(versions.allowed(manifest.specifier, [pinned]))
    except ValueError:
        return True


def version(scene: Scene) -> str:
    """Return MediaPipe's version: as the project pins it, else as it is installed here."""
    scan = scene.scan
    pinned = {
        item.specifier.lstrip("=")
        for item in (effective(scan) if scan is not None else ())
        if item.name == "mediapipe"
        and item.specifier.startswith("==")
        and "*" not in item.specifier
    }
    if len(pinned) > 1:
        return ""
    value = pinned.pop() if pinned else scene.mediapipe or ""
    try:
        versions.parse(value)
    except ValueError:
        return ""
    return value


def without_gpu(value: str) -> bool:
    """Return whether an official version has no GPU inside on aarch64."""
    known = pins.table()
    return value in known["cpu_only"] or value in known["x86_only"]


def requirements(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge what would be installed."""
    scan = scene.scan
    if scan is None:
        return unknown(NO_CODE)
    here = board(scene)
    findings: list[Finding] = []
    doubts: list[str] = []
    entries = [item for item in effective(scan) if pins.is_mediapipe(item.name)]
    for item in entries:
        problem = audited(scan, item, here) or pins.judge(item, here)
        doubtful = problem is not None or item.file in scan.rewritten
        other = relevance.otherwise(scan, item) if doubtful else ""
        if other:
            shown = problem.what if problem is not None and problem.what else item.text
            doubts.append(f"{item.place}: {shown}; {other}")
        elif problem is not None and problem.known:
            findings.append(_finding(scan, item, problem, here))
        elif problem is not None and problem.what:
            doubts.append(f"{item.place}: {problem.what}: {problem.instead}")
    aside: list[str] = []
    for item in scan.requirements:
        if scan.leads_nowhere(item.file, item.line):
            aside += _aside(scan, item, here, alone=not entries)
        elif item.replaced == STOPS and (problem := pins.refused(item, here)) is not None:
            findings.append(_finding(scan, item, problem, here))
    doubts += aside + stale(scan)
    doubts += [
        brought(item, known)
        for item in relevance.images(scan)
        if (known := projects.image(item.image)) is not None and known.brings
    ]
    doubts += origins.lines(scan)
    doubts += scan.unread_lines()
    if findings:
        first = min(findings)
        return bad(
            first.what,
            *doubts,
            findings=tuple(sorted(findings)),
            instead=first.instead,
            place=first.place(),
        )
    if not entries and not aside:
        hints = readme_installs.lines(scan, here)
        return unknown(
            f"no file of the project asks for mediapipe{_elsewhere(scan)}", *hints, *doubts
        )
    if doubts:
        return unknown(*doubts)
    shown = ", ".join(f"{item.place}: {item.text}" for item in entries[:3])
    return ok(f"{shown}{': right for this board' if here.old_cpu is not None else ''}")


def _aside(scan: Scan, item: Requirement, here: Board, *, alone: bool) -> list[str]:
    """Return what is wrong with an entry of a stage that leads nowhere, as lines.

    Where such entries are `alone`, right ones are reported, too.
    """
    if not pins.is_mediapipe(item.name) or markers.elsewhere(item.marker):
        return []
    if item.replaced:
        problem = pins.refused(item, here) if item.replaced == STOPS else None
        alone = False
    else:
        problem = audited(scan, item, here) or pins.judge(item, here)
    what = problem.what if problem is not None else ""
    return [f"{item.place}: {what or item.text}; {ASIDE}"] if what or alone else []


def _elsewhere(scan: Scan) -> str:
    """Return where it is asked for on other machines alone."""
    for item in scan.requirements:
        if item.name == "mediapipe" and markers.elsewhere(item.marker):
            return f" on a Jetson: {item.place}: {item.text}; {item.marker}"
    return ""


def audited(  # noqa: PLR0911 # one for each answer
    scan: Scan, item: Requirement, here: Board
) -> Optional[Problem]:
    """Judge a wheel file of the project by its library."""
    if not item.source.endswith(".whl") or not pins.is_mediapipe(item.name):
        return None
    name = PurePosixPath(item.source.split("://")[-1]).name
    for wheel in scan.wheels:
        if PurePosixPath(wheel.file).name != name:
            continue
        if wheel.machine and wheel.machine != "aarch64":
            return Problem(
                f"{name}: its library is for {wheel.machine}", f"write {pins.good(here)}"
            )
        if wheel.gpu is False:
            return Problem(f"{name}: {wheel.evidence}", f"write {pins.good(here)}")
        if wheel.gpu is None:
            return Problem(f"{name}: {wheel.evidence}", AUDIT, known=False)
        if here.old_cpu is False:
            return Problem("", "", known=False)  # the library's own check is enough
        return Problem(
            f"{name}: it has the GPU inside; for which CPU is not known", AUDIT, known=False
        )
    return None


def stale(scan: Scan) -> list[str]:
    """Return lock files that lack the mediapipe which the manifest beside them asks for."""
    files = {*scan.locks}
    lines = []
    for item in scan.requirements:
        if item.role != MANIFEST or item.name != "mediapipe" or covering(scan, item):
            continue
        here = PurePosixPath(item.file).parent
        for file in sorted(files):
            source, _ = locks.MADE_FROM.get(PurePosixPath(file).name, ("", ""))
            if PurePosixPath(file).parent == here and PurePosixPath(item.file).name == source:
                lines.append(
                    f"{file} has no mediapipe, which {item.place} asks for: it is out of date"
                )
    return lines


def _finding(scan: Scan, item: Requirement, problem: Problem, here: Board) -> Finding:
    """Return a requirement's finding; what a lock file pins is mended by its own tool."""
    instead = problem.instead
    if problem.stays:
        pass
    elif item.role == LOCK:
        instead = relock(scan, item, here)
    elif item.role == MANIFEST and covering(scan, item):
        instead += f", then {_lock_origin(scan, covering(scan, item)[0].file)[1]}"
    return Finding(item.file, item.cell, item.line, 1, problem.what, instead)


def relock(scan: Scan, item: Requirement, here: Board) -> str:
    """Return how to regenerate a lock file with a good version."""
    made_from, tool = _lock_origin(scan, item.file)
    folder = PurePosixPath(item.file).parent
    for other in scan.requirements:
        beside = PurePosixPath(other.file).parent == folder and other.role == MANIFEST
        if beside and other.name == "mediapipe" and pins.judge(other, here) is None:
            return tool
    return f"{made_from}: write {pins.good(here)}; then {tool}"


def _lock_origin(scan: Scan, file: str) -> tuple[str, str]:
    return locks.origin(file, scan.texts.get(file, b"").decode(errors="replace"))


def python(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge the Pythons that the project asks for."""
    scan = scene.scan
    if scan is None:
        return unknown(NO_CODE)
    wrong, open_ = obstacles(scan, _release(scene))
    open_ += scan.unread_lines()
    if wrong:
        first = wrong[0]
        findings = tuple(item.finding() for item in wrong)
        result = bad(first.what, *open_, findings=findings, advice=first.cure)
        return dataclasses.replace(result, title="platform" if first.foreign else "")
    if open_:
        return unknown(*open_)
    seen = [f"{item.place}: {item.text}" for item in relevance.pythons(scan)]
    seen += [
        f"{item.file}:{item.line}: {item.image}"
        for item in relevance.images(scan)
        if projects.python_of(item)[0]
    ]
    if not seen:
        aside = [
            f"{item.file}:{item.line}: {item.image}; {ASIDE}"
            for item in relevance.images(scan, scan.aside)
            if projects.python_of(item)[0]
        ]
        return unknown(
            *(aside or ["no file of the project names a Python, or a base image that is known"])
        )
    return ok(*seen)
