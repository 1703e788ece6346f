"""From a report and what its observations carry to what the page shows of a device."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jetson_kit.core.text import word
from jetson_kit.report.read import DATA, Report
from jetson_kit.report.rejudge import Answer
from jetson_kit.report.task import UNKNOWN, Task, task
from jetson_kit.report.values import age, at, moment, number

VERDICTS = ("gpu", "software", "cpu", "broken", "unknown")
MAX_AGE_S = 86400.0
# A device's clock may be a little ahead of this machine's.
AHEAD_S = 120.0
MOST_WHY = 170


WORST = ("absent", "unreadable", "contradicted", "unchecked", "future", "stale")


@dataclass(frozen=True)
class Device:
    """One row. `state` is sound, stale, future, contradicted, unchecked or unreadable."""

    name: str
    state: str
    verdict: str
    reported_verdict: str
    expected: str
    as_expected: bool
    why: str
    remedy: str
    alerts: tuple[str, ...]
    level: str
    age: str
    created_at: str
    model: str
    emulated: str
    facts: tuple[tuple[str, str], ...]
    boot: str
    image: str
    tasks: Mapping[str, Task]
    report: Report

    @property
    def raw(self) -> str:
        """Return the document as text; what is no JSON is not shown."""
        return json.dumps(self.report.document, indent=1) if self.report.document else ""

    @property
    def groups(self) -> list[tuple[list[str], Task]]:
        """Return the tasks that came out alike together, by their names and one of them."""
        result: dict[object, tuple[list[str], Task]] = {}
        for name, item in self.tasks.items():
            controls = tuple(control.verdict for control in item.controls)
            result.setdefault((item.judgement, controls), ([], item))[0].append(name)
        return list(result.values())

    @property
    def order(self) -> tuple[int, str]:
        """Return what sorts devices: what needs a look comes first."""
        return rank(self.state, self.verdict, good=self.as_expected), self.name


def rank(state: str, verdict: str, *, good: bool) -> int:
    """Return how soon somebody should look at a device: 0 is first."""
    if state in WORST:
        return WORST.index(state)
    bad = ("broken", "unknown")
    return len(WORST) + (bad.index(verdict) if verdict in bad and not good else 2 + good)


@cache
def known_tasks() -> tuple[str, ...]:
    """Return the tasks' names, in the order of the device wheel's table."""
    table = json.loads((DATA / "verify_tasks.json").read_text(encoding="utf-8"))
    return tuple(table)


def device(report: Report, answer: Answer | None, now_s: float, expect: str = "") -> Device:
    """Return what is shown of one report; `expect` overrides what its device expected."""
    document = report.document
    if document is None:
        return _unreadable(report)
    checked = answer is not None and "error" not in answer
    tasks = _tasks(document, answer if checked else None)
    value = number(document["time_s"])
    seconds = None if value is None else now_s - value
    state, alerts = _state(document, answer or {}, tasks, seconds)
    carried = answer if checked and answer else document
    verdict = word(carried["verdict"]) if state == "sound" else UNKNOWN
    expected = expect or word(document["expected"])
    seen = at(document, "observations", "device")
    model = [word(at(seen, key)) for key in ("model", "module", "soc")]
    l4t = word(at(seen, "l4t"))
    emulated = _emulated(document, answer if checked else None)
    boot, image = word(document["boot_id"]), word(document["image_digest"])
    first = next((item for item in tasks.values() if item.verdict == verdict), None)
    why = alerts[0] if alerts else first.judgement.reason if first else word(carried["reason"])
    return Device(
        name=report.name[:120],
        state=state,
        verdict=verdict,
        reported_verdict=word(document["verdict"]),
        expected=expected,
        as_expected=state == "sound" and verdict == expected,
        why=word(why, MOST_WHY),
        remedy=first.judgement.remedy if first and not alerts else "",
        alerts=alerts,
        level=word(document["level"]),
        age="" if seconds is None else age(seconds),
        created_at=moment(value),
        model=" · ".join(filter(None, [*model[:2], l4t and f"L4T {l4t}"]))
        or word(document["machine"]),
        emulated=emulated,
        facts=_facts(document, report, model, l4t, emulated),
        boot=boot.split("-")[0][:8],
        image=image.removeprefix("sha256:")[:12],
        tasks=tasks,
        report=report,
    )


def copies(devices: Sequence[Device]) -> tuple[Device, ...]:
    """Return the devices; those whose reports have a run in common are no evidence.

    No two runs are alike to the last sample: a report was copied, whatever name and time it has.
    """
    same: dict[str, list[Device]] = {}
    for item in devices:
        for run in _runs(item.report.document or {}):
            same.setdefault(run, []).append(item)
    others: dict[int, str] = {}
    for group in same.values():
        for item in group:
            other = next((candidate for candidate in group if candidate is not item), None)
            if other is not None:
                others.setdefault(id(item), other.name)
    return tuple(
        as_copy(item, others[id(item)]) if id(item) in others else item for item in devices
    )


def copied(other: str) -> str:
    """Return why a report that is another board's too is no evidence."""
    return f"it has a run that {other}'s report has too: one was copied"


def as_copy(item: Device, other: str) -> Device:
    """Return a device whose report is another's too."""
    why = copied(other)
    sound = item.state == "sound"
    return replace(
        item, state="contradicted" if sound else item.state, verdict=UNKNOWN, as_expected=False,
        why=word(why if sound else item.why, MOST_WHY), remedy="", alerts=(*item.alerts, why),
    )  # fmt: skip


def _runs(document: Mapping[str, Any]) -> set[str]:
    """Return what tells a report's runs from all others; one that timed no frame is like any."""
    tasks = at(document, "observations", "tasks")
    runs = [at(tasks, name, "run") for name in tasks or ()]
    return {
        hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()
        for run in runs
        if at(run, "times_s", "frames")
    }


def _unreadable(report: Report) -> Device:
    return Device(
        report.name[:120], "unreadable", UNKNOWN, "", "", False, f"not a report: {report.problem}",
        "", (f"This file is not a report: {report.problem}.",), "", "", "", "", "",
        (("File", report.path.name), ("Size", f"{report.size} bytes"), ("sha256", report.sha256)),
        "", "", {}, report,
    )  # fmt: skip


def _state(
    document: Mapping[str, Any],
    answer: Answer,
    tasks: Mapping[str, Task],
    seconds: float | None,
) -> tuple[str, tuple[str, ...]]:
    """Return the state and why it is not sound; the first reason decides."""
    result: list[tuple[str, str]] = []
    if "error" in answer or not answer:
        why = word(answer.get("error"), 300) or "nothing judged it again"
        result.append(("unchecked", f"its raw observations can't be judged here: {why}"))
    else:
        pairs = [(str(document["verdict"]), str(answer["verdict"]), "")]
        pairs += [(item.reported_verdict, item.verdict, name) for name, item in tasks.items()]
        wrong: dict[str, list[str]] = {}
        for output, shown, name in pairs:
            if output != shown:
                wrong.setdefault(f"says {output or 'nothing'}, shows {shown}", []).append(name)
        if wrong:
            listed = (
                text + (f" ({', '.join(filter(None, names))})" if any(names) else "")
                for text, names in wrong.items()
            )
            result.append(("contradicted", f"not what its observations show: {'; '.join(listed)}"))
            value, here = word(document["mediapipe_jetson"]), word(answer.get("mediapipe_jetson"))
            if value != here:
                result.append(("contradicted", f"made by device wheel {value}, judged by {here}"))
    if alert := age_alert(seconds):
        result.append(alert)
    return (result[0][0] if result else "sound"), tuple(text for _, text in result)


def age_alert(seconds: float | None) -> tuple[str, str] | None:
    """Return the state of a report of this age and why, None where its age is no objection."""
    if seconds is None or not math.isfinite(seconds):
        return "stale", "it does not say when it was made"
    if seconds > MAX_AGE_S:
        return "stale", f"it is {age(seconds)} old: what it said holds no longer"
    if seconds < -AHEAD_S:
        return "future", f"its time lies {age(-seconds)} ahead of this machine's clock"
    return None


def _tasks(document: Mapping[str, Any], answer: Answer | None) -> dict[str, Task]:
    """Return the tasks by name: those that the report names and those that it observed."""
    names = list(dict.fromkeys([*document["tasks"], *at(document, "observations", "tasks")]))
    order = {name: place for place, name in enumerate(known_tasks())}
    names.sort(key=lambda name: order.get(name, len(order)))
    result = {}
    for name in names[:50]:
        message = at(document, "tasks", name)
        carried = at(answer, "tasks", name) if answer else message
        result[name] = task(name, message, carried, at(document, "observations", "tasks", name))
    return result


def _emulated(document: Mapping[str, Any], answer: Answer | None) -> str:
    """Return why the device counts as emulated; empty where it does not."""
    source = answer if answer is not None else document
    result = at(source, "emulated")
    if result is False:
        return ""
    reasons = at(source, "emulated_reasons")
    why = "; ".join(word(reason) for reason in reasons) if isinstance(reasons, list) else ""
    return word(("yes: " if result is True else "unknown: ") + why, MOST_WHY) if why else ""


def _facts(
    document: Mapping[str, Any], report: Report, model: Sequence[str], l4t: str, emulated: str
) -> tuple[tuple[str, str], ...]:
    keys = ("Model", "Module", "SoC")
    listed = [
        ("Host", word(document["host"])),
        *zip(keys, model, strict=True),
        ("L4T", l4t),
        ("Architecture", word(document["machine"])),
        ("Emulated", emulated),
        ("Image", word(document["image_digest"])),
        ("Boot id", word(document["boot_id"])),
        ("Made", moment(number(document["time_s"]))),
        ("Level", word(document["level"])),
        ("Delegate", word(document["delegate"])),
        ("Says of itself", f"{word(document['verdict'])}, expected {word(document['expected'])}"),
        ("Device wheel", word(document["mediapipe_jetson"])),
        ("File", report.path.name),
        ("sha256", report.sha256),
    ]
    return tuple((key, value) for key, value in listed if value)
