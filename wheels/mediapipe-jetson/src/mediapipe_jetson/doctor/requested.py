"""Whether the program asks for the GPU: each task that it creates, by what it is given."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

from mediapipe_jetson.doctor import packages, pins, projects, tasks, versions
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.project import NO_CODE, named
from mediapipe_jetson.doctor.result import Result, bad, ok, unknown
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observe.native import NativeLibrary

SHOWN = {tasks.ABSENT: "none", tasks.CPU: "Delegate.CPU", tasks.DEFAULT: "Delegate.DEFAULT"}
WRITE = "delegate=BaseOptions.Delegate.GPU"


def delegate(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge each task's delegate."""
    scan = scene.scan
    if scan is None:
        return unknown(NO_CODE)
    version = packages.version(scene)
    findings, open_, good, gpu = [], [], 0, False
    for task in scan.programs.tasks.by_place:
        place = Finding(
            task.place.file, task.place.cell, task.place.line, task.place.column, "", ""
        )
        problem, doubt = evaluate(task, version)
        if problem:
            findings.append(_finding(place, task, problem))
        elif doubt:
            open_.append(f"{place.place()}: {task.name}: {doubt}")
        else:
            good += 1
            gpu = gpu or task.vision
    open_ += inside(scene)
    if findings:
        result = _bad(scene, findings, [*open_, *scan.unread_lines(programs=True)])
        return dataclasses.replace(result, title="some" if gpu else "")
    open_ += scan.unread_lines(programs=True)
    if not scan.programs.tasks.by_place:
        why = "no task of MediaPipe's is created" if scan.programs.sources else "no program is here"
        return unknown(f"{why}{_files(len(scan.programs.sources))}", *open_)
    if open_:
        return unknown(*open_)
    return ok(f"{_tasks(good)} created, each with {WRITE.partition('=')[2]}")


def evaluate(task: tasks.Task, version: str) -> tuple[str, str]:  # noqa: PLR0911
    """Return what is wrong with a task's delegate, else what is not known of it."""
    if not task.vision:
        return "", "what text and audio tasks do with a delegate is not known"
    names, doubts = set(), list(task.unknown)
    for given in task.delegates:
        name = numbered(given, version)
        if name is None:
            doubts.append(f"Delegate({given}) is another one from {_first_default()} on")
        else:
            names.add(name)
    rest = sorted(names - {tasks.GPU})
    if doubts:
        return "", f"its delegate can't be followed: {', '.join(dict.fromkeys(doubts))}"
    if tasks.GPU in names and rest:
        return "", f"its delegate is GPU or {_joined(rest)}, as the program runs"
    if not rest and not task.falls:
        return "", "" if names else "its delegate can't be followed"
    if task.fallback or not rest:
        return "", "it falls back to the CPU where the GPU fails, and may say nothing"
    if rest != [tasks.CPU] and _later(version):
        return "", f"what mediapipe {version} does without a delegate is not known"
    return _describe(rest, version), ""


def numbered(given: str, version: str) -> Optional[str]:
    """Return a delegate's name for its number, None where that depends on the version."""
    if not given.isdecimal():
        return given
    known = pins.table()["delegates"]
    if not version:
        return None
    since = versions.at_least(version, known["default_from"])
    names = known["since" if since else "before"]
    return str(names[int(given)]) if int(given) < len(names) else None


def _first_default() -> str:
    return str(pins.table()["delegates"]["default_from"])


def _later(version: str) -> bool:
    newest = pins.table()["gpu"][-1]
    return bool(version) and versions.parse(version) > versions.parse(newest)


def _describe(names: list[str], version: str) -> str:
    """Return what a task is given, as people read it."""
    delegates = _joined(names).replace("none", "no delegate")
    which = f"mediapipe {version}" if version else "every known version"
    return f"{delegates}: {which} runs it on the CPU"


def _joined(names: list[str]) -> str:
    return " or ".join(SHOWN.get(name, name) for name in names)


def _finding(place: Finding, task: tasks.Task, problem: str) -> Finding:
    instead = f"{WRITE} in its BaseOptions"
    if task.called:
        instead = f"{WRITE} for this call"
    elif task.how == tasks.MODEL:
        value = f"{task.name}Options(base_options=BaseOptions(model_asset_path=..., {WRITE}))"
        instead = f"{task.name}.create_from_options({value})"
    what = f"{task.name} is created with {problem}"
    return Finding(place.file, place.cell, place.line, place.column, what, instead)


def _bad(scene: Scene, findings: list[Finding], open_: list[str]) -> Result:
    """Return the finding, with a cure that can be followed on this board."""
    first, many = findings[0], f"{_tasks(len(findings))} without the GPU"
    library = scene.library.gpu_compiled_in if isinstance(scene.library, NativeLibrary) else None
    board = packages.board(scene)
    if board.old_cpu and not library and not board.kit:
        where = ", ".join(item.place() for item in findings[:5])
        return unknown(
            f"{many} ({where}), and no official wheel has the GPU inside for this CPU", *open_
        )
    version = packages.version(scene)
    if library is False or (library is None and packages.without_gpu(version)) or board.obstacle:
        wheel = pins.good(board)
        return bad(
            many,
            *open_,
            cure="wheel-first",
            findings=tuple(findings),
            place=first.text(),
            wheel=wheel,
        )
    return bad(many, *open_, findings=tuple(findings), place=first.text())


def inside(scene: Scene) -> list[str]:
    """Return the packages that create tasks inside, which are not read."""
    scan = scene.scan
    if scan is None:
        return []
    result = {}
    for item in packages.effective(scan):
        if projects.package("tasks_packages", item.name, item.specifier):
            result[item.name] = (
                f"{item.place}: {item.name} creates tasks inside; its delegate was not read"
            )
    for module, name in projects.importers("tasks_packages").items():
        if module in scan.programs.imports and name not in result and not named(scan, name):
            place = scan.programs.imports[module].place()
            result[name] = f"{place}: {name} may create tasks inside; its delegate was not read"
    return list(result.values())


def _tasks(count: int) -> str:
    return "one task" if count == 1 else f"{count} tasks"


def _files(count: int) -> str:
    if not count:
        return ""
    return f" in {count} {'file' if count == 1 else 'files'}"
