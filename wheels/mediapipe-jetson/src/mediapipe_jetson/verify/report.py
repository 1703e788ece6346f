"""The report: one JSON document, written whole, and its readings for other programs."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import __version__, exposition
from mediapipe_jetson.doctor.files.unreadable import FormError
from mediapipe_jetson.observation import below, read_text
from mediapipe_jetson.observe import emulation
from mediapipe_jetson.verify import gauges, session
from mediapipe_jetson.verify.gauges import is_number, kind

SCHEMA = "mediapipe-jetson/verify/1"
DIGEST_VARIABLE = "MEDIAPIPE_JETSON_IMAGE_DIGEST"
DIGEST_FILE = "/etc/mediapipe-jetson/digest"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# A clock may be set a little while a report is on its way.
AHEAD_S = 120.0
MOST_NAME = 60


def boot_id(root: Path = Path("/")) -> Optional[str]:
    """Return what the kernel drew at this start of the machine."""
    return read_text(below(root, BOOT_ID))


def uptime_s() -> Optional[float]:
    """Return the seconds since this start of the machine; no one sets that clock."""
    # Linux alone has it.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return None if clock is None else round(time.clock_gettime(clock), 3)


def image_digest(root: Path = Path("/")) -> Optional[str]:
    """Return the image's digest, as its environment or its file tells it."""
    return os.environ.get(DIGEST_VARIABLE) or read_text(below(root, DIGEST_FILE))


def document(
    judgements: Mapping[str, Any],
    observations: Mapping[str, Any],
    settings: session.Settings,
    expected: str,
) -> dict[str, Any]:
    """Return the document of data/verify.schema.json; `time_s` counts from 1970."""
    device = session.judge_device(judgements, "fresh")
    emulated, why = emulation.judge(observations["device"].get("emulation"))
    return {
        "schema": SCHEMA,
        "verdict": device.verdict,
        "rule": device.rule,
        "reason": device.reason,
        "expected": expected,
        "as_expected": device.verdict == expected,
        "emulated": emulated,
        "emulated_reasons": list(why),
        "level": settings.level,
        "delegate": settings.delegate,
        "time_s": round(time.time(), 3),
        "uptime_s": uptime_s(),
        "boot_id": boot_id(),
        "image_digest": image_digest(),
        "host": platform.node(),
        "machine": platform.machine(),
        "mediapipe_jetson": __version__,
        "tasks": dict(judgements),
        "observations": dict(observations),
    }


def freshness(
    report: Mapping[str, Any],
    here: Optional[str],
    now_s: float,
    allowed_s: float,
    up_s: Optional[float] = None,
) -> Optional[str]:
    """Return fresh, old, other-boot or future; None where the report does not tell.

    A board without a battery starts in the past: where the report has it, the time since the start
    counts in place of the clock's.
    """
    time_s: Any = report.get("time_s")
    boot = report.get("boot_id")
    if not is_number(time_s):
        return None
    if not boot or not here:
        return None
    if boot != here:
        return "other-boot"
    if up_s is not None and report.get("uptime_s") is not None:
        time_s, now_s = report["uptime_s"], up_s
        if not is_number(time_s):
            return None
    if time_s > now_s + AHEAD_S:
        return "future"
    return "old" if now_s - time_s > allowed_s else "fresh"


def parse(content: bytes) -> Any:  # noqa: ANN401 # any JSON
    """Return the document that a report's bytes are; raise ValueError, RecursionError.

    A name that stands twice would be read in two ways, and NaN is no number of JSON.
    """
    return json.loads(
        content, object_pairs_hook=_once, parse_constant=_refused, parse_float=_finite
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise FormError(f"{name[:MOST_NAME]!r} stands twice in it")
        result[name] = value
    return result


def _refused(name: str) -> float:
    raise FormError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FormError(f"{text[:MOST_NAME]} is no finite number")
    return value


def rejudge_tasks(
    report: Any,  # noqa: ANN401 # any JSON
    here: Optional[emulation.Emulation] = None,
) -> dict[str, Any]:
    """Return each task judged by the report's raw observations; raise ValueError if it is none.

    `here` is what this machine is made of, where the report was made on it.
    """
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise FormError(f"its schema is not {SCHEMA}")
    if unknown := _unknown_task(report):
        raise FormError(f"its task {unknown!r} is not known here: judge it by the version it is of")
    try:
        observations = report["observations"]
        known = session.tasks()
        level = report["level"] if report["level"] in ("quick", "soak") else "full"
        place = _place(report, here)
        return {
            name: session.judge_task(observed, known[name], level, place)
            for name, observed in observations["tasks"].items()
        }
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise FormError("it is damaged: its observations are not as verify writes them") from error


def _unknown_task(report: Mapping[str, Any]) -> str:
    """Return the name of a task that a later version has, or ""."""
    try:
        names = report["observations"]["tasks"].keys() - session.tasks().keys()
    except (LookupError, TypeError, AttributeError):
        return ""
    return str(min(names, default=""))[:MOST_NAME]


def rejudge_emulated(report: Mapping[str, Any]) -> tuple[Optional[bool], tuple[str, ...]]:
    """Return whether a report, from another machine, is of an emulated device, and why."""
    return emulation.judge(_place(report, None)["emulation"])


def _place(report: Mapping[str, Any], here: Optional[emulation.Emulation]) -> dict[str, Any]:
    """Return the device's observations; that it is emulated can't be taken out of a report."""
    seen = report["observations"]["device"]
    return {**seen, "emulation": emulation.add_reported(seen.get("emulation"), report, here)}


def rejudge(report: Any, allowed_s: float) -> dict[str, Any]:  # noqa: ANN401 # any JSON
    """Judge a report's raw observations again, whatever verdict it claims.

    It may be `allowed_s` seconds old. Raises ValueError where it is no report.
    """
    judgements = rejudge_tasks(report, here := emulation.read())
    place = _place(report, here)
    emulated, why = emulation.judge(place["emulation"])
    age = freshness(report, boot_id(), time.time(), allowed_s, uptime_s())
    device = session.judge_device(judgements, age)
    return {
        **report,
        "verdict": device.verdict,
        "rule": device.rule,
        "reason": device.reason,
        "emulated": emulated,
        "emulated_reasons": list(why),
        "tasks": judgements,
        "observations": {**report["observations"], "device": place},
    }


def write(path: Path, text: str) -> None:
    """Put a whole file in place by renaming; raise OSError."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def as_json(report: Mapping[str, Any]) -> str:
    """Return the document as text."""
    return json.dumps(report, indent=1) + "\n"


def _clean(text: str) -> str:
    # XML 1.0 has no control characters, and drivers write some.
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def junit(report: Mapping[str, Any]) -> str:
    """Return JUnit's XML: a case for each task; broken is an error, another verdict a failure."""
    suite = ET.Element("testsuite", name="mediapipe_jetson.verify", tests=str(len(report["tasks"])))
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="emulated", value=kind(report))
    failures = errors = 0
    for name, task in report["tasks"].items():
        latency = task["latency_ms"]["gpu"] or 0.0
        case = ET.SubElement(
            suite, "testcase", classname="mediapipe_jetson.verify", name=name,
            time=f"{latency / 1e3:.6f}",
        )  # fmt: skip
        text = _clean(f"{task['verdict']}: {task['reason']}")
        if task["verdict"] != report["expected"]:
            broken = task["verdict"] == "broken"
            errors, failures = errors + broken, failures + (not broken)
            node = ET.SubElement(case, "error" if broken else "failure", message=text)
            node.set("type", task["rule"])
            node.text = _clean(f"{task['remedy']}\n{json.dumps(task['facts'], indent=1)}")
        ET.SubElement(case, "system-out").text = text
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"
    )


def prometheus(report: Mapping[str, Any]) -> str:
    """Return gauges for a node exporter's text file collector."""
    return exposition.text(gauges.families(report))


def nagios(report: Mapping[str, Any]) -> tuple[str, int]:
    """Return a plug-in's line and its exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    states = {True: ("OK", 0), False: ("WARNING", 1)}
    state, code = states[bool(report["as_expected"])]
    if report["verdict"] == "broken":
        state, code = "CRITICAL", 2
    if report["verdict"] == "unknown":
        state, code = "UNKNOWN", 3
    times = " ".join(
        f"{name}={task['latency_ms']['gpu']}ms"
        for name, task in report["tasks"].items()
        if task["latency_ms"]["gpu"] is not None
    )
    why = _clean(report["reason"]).replace("|", "/").replace("\n", " ")
    expected = report["expected"]
    where = {"true": ", emulated device", "unknown": ", maybe emulated"}.get(kind(report), "")
    line = f"MEDIAPIPE {state} - {report['verdict']} (expected {expected}{where}): {why} | {times}"
    return line.rstrip(" |"), code


def text(report: Mapping[str, Any]) -> str:
    """Return what a person reads."""
    lines = [f"{report['verdict']} (expected {report['expected']}, level {report['level']})"]
    if report["emulated"] is not False:
        note = "this device is emulated" if report["emulated"] else "whether emulated is not known"
        lines.append(f"  {note}: {'; '.join(report['emulated_reasons'])}")
    for name, task in report["tasks"].items():
        lines.append(f"  {name}: {task['verdict']} [{task['rule']}]")
        lines += [f"    {reason}" for reason in task["reasons"]]
        latency = task["latency_ms"]
        if latency["gpu"] is not None:
            lines.append(f"    frame {latency['gpu']} ms, on the CPU {latency['cpu']} ms")
        if task["remedy"]:
            lines.append(f"    -> {task['remedy']}")
    if report["rule"] not in ("all-gpu",) and not report["rule"].startswith("some-"):
        lines.append(f"  {report['reason']} [{report['rule']}]")
    # A renderer's name goes to a terminal as it is: without its control characters.
    return _clean("\n".join(lines))
