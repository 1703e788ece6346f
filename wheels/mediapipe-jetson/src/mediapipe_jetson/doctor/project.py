"""The user's programs, where `--code` names them: uses of the legacy API, in packages too."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from mediapipe_jetson.doctor import kit_image, packages, pins, projects
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.doctor.sources import Scan

NO_CODE = "no code was named; --code DIR looks through a project"
SHOWN_MOST = 5
INSIDE = "it calls mp.solutions inside"
UNNAMED = "no file that was read names that"
OWN = "your own calls of MediaPipe Tasks"


def legacy(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge the programs, and the packages that they use."""
    scan = scene.scan
    if scan is None:
        return unknown(NO_CODE)
    hidden, doubts = inside(scan)
    findings = tuple(sorted([*scan.programs.uses.collected, *hidden]))
    open_ = [*doubts, *scan.unread_lines(programs=True), *unexamined(scan)]
    if findings:
        files = len({entry.file for entry in findings})
        uses = "one use" if len(findings) == 1 else f"{len(findings)} uses"
        seen = f"{uses} in {files} {'file' if files == 1 else 'files'}"
        gone = sorted(scan.programs.uses.gone)
        where, _ = kit_image.runs_in(scan)
        if where and not gone and not any("Objectron" in item.what for item in findings):
            seen = f"{seen}, which the kit's image has ({where}; docs/solutions.md)"
            unread = scan.unread_lines(programs=True)
            return unknown(seen, *unread) if unread else ok(seen, *doubts)
        if gone:
            shown = "; ".join(item.text() for item in gone[:SHOWN_MOST])
            more = f" and {len(gone) - SHOWN_MOST} more" if len(gone) > SHOWN_MOST else ""
            return bad(
                seen,
                *open_,
                cure="gone",
                findings=findings,
                gone=shown + more,
                first=findings[0].place(),
            )
        return bad(seen, *open_, findings=findings, first=findings[0].place())
    if not scan.programs.sources:
        open_.insert(0, f"{scan.folder} has no Python file or notebook")
    if open_:
        return unknown(f"no use of the legacy API seen, but {open_[0]}", *open_[1:])
    count = len(scan.programs.sources)
    return ok(f"no use of the legacy API in {count} {'file' if count == 1 else 'files'}")


def inside(scan: Scan) -> tuple[list[Finding], list[str]]:
    """Return packages that call mp.solutions inside, and those whose version leaves it open."""
    findings, doubts = [], []
    for item in packages.effective(scan):
        entry = projects.package("legacy_packages", item.name, item.specifier)
        if entry and not _called(scan, entry):
            doubts.append(f"{item.place}: {item.text}: {entry['calls']}; {UNNAMED}")
        elif entry:
            what = f"{item.text}: {entry.get('calls', INSIDE)}"
            instead = entry.get("instead", OWN)
            findings.append(Finding(item.file, item.cell, item.line, 1, what, instead))
    for module, name in projects.importers("legacy_packages").items():
        if module not in scan.programs.imports:
            continue
        place = scan.programs.imports[module]
        if not _called(scan, projects.table()["legacy_packages"][name]):
            if not named(scan, name):
                calls = projects.table()["legacy_packages"][name]["calls"]
                doubts.append(f"{place.place()}: {name}: {calls}; {UNNAMED}")
        elif any(
            item.what.partition("=")[0].split(":")[0].lower().startswith(name) for item in findings
        ):
            entry = projects.table()["legacy_packages"][name]
            what = f"import of {module}: {entry.get('calls', INSIDE)}"
            findings.append(
                dataclasses.replace(place, what=what, instead=entry.get("instead", OWN))
            )
        elif not named(scan, name):
            entry = projects.table()["legacy_packages"][name]
            bound = f" below {entry['below']}" if "below" in entry else ""
            doubts.append(
                f"{place.place()}: {name}{bound} calls mp.solutions inside, and no file pins it"
            )
    return findings, doubts


def _called(scan: Scan, entry: dict[str, Any]) -> bool:
    """Return whether the project names the part of a package that calls mp.solutions, if known."""
    where = entry.get("where")
    return not where or any(
        re.search(where.encode(), text, re.MULTILINE) for text in scan.texts.values()
    )


def named(scan: Scan, name: str) -> bool:
    """Return whether a file of the project asks for a package."""
    return bool(scan.asking(name))


def unexamined(scan: Scan) -> list[str]:
    """Return, as one line, the packages whose inside is not known."""
    known = projects.table()
    examined = {*known["without_mediapipe"], *known["legacy_packages"], *known["tasks_packages"]}
    modules = projects.known_modules() | projects.importers("legacy_packages").keys()
    modules |= projects.importers("tasks_packages").keys()
    free = {item.name for item in scan.requirements if item.needs is False}
    names = {
        item.name
        for item in packages.effective(scan)
        if item.name not in examined | free and not pins.is_known_build(item.name)
    }
    listed = {item.name.replace("-", "_") for item in scan.requirements}
    names |= {
        item for item in scan.programs.imports if item not in modules and item.lower() not in listed
    }
    if not names:
        return []
    shown = ", ".join(sorted(names)[:SHOWN_MOST])
    more = f" and {len(names) - SHOWN_MOST} more" if len(names) > SHOWN_MOST else ""
    return [f"packages were not looked into: {shown}{more}"]
