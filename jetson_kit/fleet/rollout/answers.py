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
from jetson_kit.core import text as texts
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
    Replies,
    Reply,
)

# The exit codes of mediapipe-image that are no plain failure.
KINDS = {2: REFUSED, 5: REFUSED, 6: REFUSED, 8: HELD, 9: BUSY, 10: REFUSED}
# The shell's, where there is no such program.
NO_PROGRAM = 127
ANOTHER = "its program is another one; this controller's comes first"
# Around what an engine itself says its client puts the call and its kind.
ENGINE = re.compile(r" - \d{3} (?:Server|Client) Error for http\+docker://.*?\(\"(?P<said>.*)\"\)$")
TWICE = "it is the same machine as {}; name one with --limit, or keep one in the inventory"
NOISY = "its shell prints {} before each answer; let it do so in interactive shells alone (.bashrc)"
MOST_SAID = 60
DIGEST = re.compile("sha256:([0-9a-f]{64})")
MACHINE = re.compile("[0-9a-f]{64}")
# Whole numbers up to it are exact as floats, too.
GREATEST = 2**53
# systemd's words for a unit that is up, and docker's for a container without a check of its own.
UP, NO_CHECK, STARTING = "active", "", "starting"


def version(reply: Reply, body: Mapping[str, Any], *, brought: bool = False) -> Reply:
    """Return a reply to the question for the program: failed where it is another one.

    `brought`: this controller's was brought to it just now.
    """
    if reply.kind != DONE:
        return reply
    # Programs of earlier versions don't say it.
    machine = body.get("machine")
    known = machine if isinstance(machine, str) else ""
    if not board_program.same(body):
        reason = "its program stays another one" if brought else ANOTHER
        return Reply(FAILED, reason, machine=known)
    return dataclasses.replace(reply, machine=known)


def one_each(replies: Replies) -> dict[str, Reply]:
    """Return replies to the question for the program; refused where two names are one machine."""
    names: dict[str, list[str]] = {}
    for name, reply in replies.items():
        if reply.machine:
            names.setdefault(reply.machine, []).append(name)
    result = dict(replies)
    for shared in names.values():
        for name in shared if len(shared) > 1 else ():
            others = ", ".join(other for other in shared if other != name)
            result[name] = Reply(REFUSED, TWICE.format(others))
    return result


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


def plain(message: str) -> str:
    """Return a task's message without what only its programs need."""
    return ENGINE.sub(r": \g<said>", message.removeprefix("error: "))


def document(text: str) -> dict[str, Any]:
    """Return the JSON object that a board printed.

    A board may be anybody's. Raises ValueError for what no program of ours prints: NaN, numbers
    beyond a float's exact ones, half characters, depth.
    """
    try:
        body = json.loads(text, parse_constant=_number, parse_int=_number, parse_float=_number)
        json.dumps(body, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it nests too deep") from error
    if not isinstance(body, dict):
        raise ValueError("it is no object")  # noqa: TRY004 # told as all others
    return body


def unreadable(text: str) -> str:
    """Return why what a board printed is no answer: its shell may greet at each login."""
    first, _, last = text.strip().partition("\n")
    with contextlib.suppress(ValueError):
        document(last.rpartition("\n")[2])
        return NOISY.format(json.dumps(texts.plain(first, MOST_SAID), ensure_ascii=False))
    return "its answer can't be read"


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) <= GREATEST:
        raise ValueError(f"{text[:40]} is no number of a board")
    return int(text) if text.lstrip("-").isdigit() else value


def printed(event: Event) -> dict[str, Any]:
    """Return what a program printed as JSON; {} where that is none."""
    with contextlib.suppress(ValueError):
        return document(str(event.result.get("stdout", "")))
    return {}


def with_step_results(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply with what a step's answer tells besides: its seconds, the status after it."""
    seconds, status, stay = body.get("seconds"), body.get("status"), body.get("old_stay")
    try:
        known = device(status) if isinstance(status, dict) else None
    except ValueError as error:
        return Reply(FAILED, str(error))
    return dataclasses.replace(
        reply,
        message=f"old images stay: {stay}" if stay else reply.message,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        device=known,
    )


def parts(body: Mapping[str, Any]) -> list[str]:
    """Return the files of the layers that a board says it lacks; whatever else it says is none."""
    layers = body.get("layers")
    rows = [row for row in layers if isinstance(row, dict)] if isinstance(layers, list) else []
    digests = [DIGEST.fullmatch(str(row.get("digest"))) for row in rows]
    return [f"{digest[1]}.part" for digest in digests if digest]


def seen(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """Return a reply to the question for the status, with the device in it."""
    if reply.kind != DONE:
        return reply
    try:
        return Reply(device=device(body))
    except ValueError as error:
        return Reply(FAILED, str(error))


def device(body: Mapping[str, Any]) -> Device:
    """Return what `mediapipe-image status --json` says. Raises ValueError for all else."""
    try:
        return _device(body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("its status can't be read") from error


def _device(body: Mapping[str, Any]) -> Device:
    current = body["current"] or {}
    running = body["running"]
    return Device(
        image_id=_text(current.get("image_id", "")),
        trial=current.get("state") == "trial",
        rollout=_text(current.get("rollout", "")),
        since=_text(current.get("since", "")),
        why=_text(current.get("why", "")),
        previous=_text((body["previous"] or {}).get("image_id", "")),
        running=_text(running["image_id"]) if running else "",
        healthy=_healthy(running),
        settled=bool(body["settled"]),
        held=_text(body["held"]),
        problem=_text(body["problem"]),
        # Programs of earlier versions don't say it.
        ended=str(body.get("ended", "")),
        pace=_pace(body.get("pace")),
        left=tuple(
            (_text(row["image_id"]), _text(row["rollout"]))
            for row in body["history"]
            if row["event"] == "rollback"
        ),
        machine=_machine(body),
    )


def _machine(body: Mapping[str, Any]) -> str:
    """Return what a board says of its machine, "" for what no program of ours says."""
    machine = body.get("machine")
    return machine if isinstance(machine, str) and MACHINE.fullmatch(machine) else ""


def _text(value: Any) -> str:  # noqa: ANN401 # JSON
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


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
    # The container wrote it.
    tasks = report.get("tasks")
    for name, task in tasks.items() if isinstance(tasks, dict) else ():
        times = task.get("latency_ms") if isinstance(task, dict) else None
        median = times.get("gpu") if isinstance(times, dict) else None
        if isinstance(median, bool) or not isinstance(median, int | float):
            continue
        if 0 <= median <= GREATEST:
            result[name] = float(median)
    return result
