"""What hosts answer: of Ansible's events and of the board's program, as a rollout's replies."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetson_kit.ansible_driver import board_program
from jetson_kit.ansible_driver.events import Event, HostResult
from jetson_kit.fleet.rollout.transport import (
    BUSY,
    DONE,
    FAILED,
    HELD,
    REFUSED,
    TIMED_OUT,
    UNPROVISIONED,
    UNREACHABLE,
    Device,
    Pace,
    Reply,
)

# The exit codes of mediapipe-image that are no plain failure.
KINDS = {2: REFUSED, 5: REFUSED, 6: REFUSED, 8: HELD, 9: BUSY, 10: REFUSED}
# The shell's, where there is no such program.
NO_PROGRAM = 127
ANOTHER = "its program is another one; this controller's comes first"
# Around what an engine itself says its client puts the call and its kind.
ENGINE = re.compile(r" - \d{3} (?:Server|Client) Error for http\+docker://.*?\(\"(?P<said>.*)\"\)$")
# systemd's words for a unit that is up, and docker's for a container without a check of its own.
UP, NO_CHECK, STARTING = "active", "", "starting"


def version(reply: Reply, body: Mapping[str, Any], *, brought: bool = False) -> Reply:
    """Return a reply to the question for the program: failed where it is another one.

    `brought`: this controller's was brought to it just now.
    """
    if reply.kind == DONE and not board_program.same(body):
        return Reply(FAILED, "its program stays another one" if brought else ANOTHER)
    return reply


def unprovisioned(name: str, inventory: Path) -> Reply:
    """Return the reply of a host without the program: what it is, and how to mend it."""
    return Reply(UNPROVISIONED, board_program.unprovisioned(name, inventory))


def reply_of(
    result: HostResult, done: Event | None, bad: Event | None, *, timed_out: bool
) -> Reply:
    """Return what became of a host: done only where its deciding task was done."""
    if result.status == "unreachable":
        return Reply(UNREACHABLE, bad.message if bad else "")
    # A play that another host held up until the limit is no failure of a host that was done.
    if done is not None and (result.good or (timed_out and result.status == "unfinished")):
        return Reply()
    if result.status == "unfinished" and not (bad and not timed_out):
        return Reply(TIMED_OUT if timed_out else UNREACHABLE, "no answer before the limit")
    if bad is None:
        return Reply(FAILED, f"it ended as {result.status}, without a word")
    code = bad.result.get("rc")
    kind = KINDS.get(code, FAILED) if isinstance(code, int) else FAILED
    if bad.id and code == NO_PROGRAM:
        kind = UNPROVISIONED
    return Reply(kind, plain(bad.message))


def plain(words: str) -> str:
    """Return a task's words without what only its programs need."""
    return ENGINE.sub(r": \g<said>", words.removeprefix("error: "))


def printed(event: Event) -> dict[str, Any]:
    """Return what a program printed as JSON; {} where that is none."""
    with contextlib.suppress(ValueError):
        body = json.loads(str(event.result.get("stdout", "")))
        if isinstance(body, dict):
            return body
    return {}


def told(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply with what a step's answer tells besides: its seconds, the status after it."""
    seconds, seen, stay = body.get("seconds"), body.get("status"), body.get("old_stay")
    return dataclasses.replace(
        reply,
        words=f"old images stay: {stay}" if stay else reply.words,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        device=device(seen) if isinstance(seen, dict) else None,
    )


def seen(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply to the question for the status, with the device in it."""
    if reply.kind != DONE:
        return reply
    if "current" not in body:
        return Reply(FAILED, "its status can't be read")
    return Reply(device=device(body))


def device(body: Mapping[str, Any]) -> Device:
    """Return what `mediapipe-image status --json` says."""
    current = body["current"] or {}
    running = body["running"]
    return Device(
        image_id=current.get("image_id", ""),
        trial=current.get("state") == "trial",
        rollout=current.get("rollout", ""),
        since=current.get("since", ""),
        why=current.get("why", ""),
        previous=(body["previous"] or {}).get("image_id", ""),
        running=running["image_id"] if running else "",
        healthy=_healthy(running),
        settled=bool(body["settled"]),
        held=body["held"],
        problem=body["problem"],
        # Programs of earlier versions don't say it.
        ended=str(body.get("ended", "")),
        pace=_pace(body.get("pace")),
        left=tuple(
            (row["image_id"], row["rollout"])
            for row in body["history"]
            if row["event"] == "rollback"
        ),
    )


def _pace(row: object) -> Pace | None:
    """Return how fast the application goes; None from a program that does not tell it."""
    if not isinstance(row, dict):
        return None
    return Pace(float(row["fps"]), float(row["latency_p95_ms"]), bool(row["limited"]))


def _healthy(running: Mapping[str, Any] | None) -> bool | None:
    if running is None or (running["container"] and running["health"] == STARTING):
        return None
    up = running["unit"] == UP and running["container"]
    return bool(up and running["health"] in (NO_CHECK, "healthy"))


def latencies(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the latency of each task of a report, by the delegate that was asked for."""
    result = {}
    for name, task in report.get("tasks", {}).items():
        median = task.get("latency_ms", {}).get("gpu")
        if isinstance(median, int | float):
            result[name] = float(median)
    return result
