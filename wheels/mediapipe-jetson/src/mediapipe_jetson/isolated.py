"""Ask drivers in a child process, so that one that crashes or hangs takes nothing down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Union

Answer = Union[dict[str, Any], str]
PROBE = "mediapipe_jetson.probe"


def timeout_s() -> float:
    """Return how long a driver may take to answer, in seconds."""
    try:
        return float(os.environ["MEDIAPIPE_JETSON_PROBE_TIMEOUT_S"])
    except (KeyError, ValueError):
        return 15.0


def ending(code: int) -> str:
    """Return in words how a process ended that gave no answer."""
    if code >= 0:
        return f"the probe ended with exit code {code}"
    try:
        return f"the driver crashed ({signal.Signals(-code).name})"
    except ValueError:
        return f"the driver crashed (signal {-code})"


def ask(questions: Sequence[str]) -> dict[str, Answer]:
    """Put each question to the probe; return its answer, or in one line why there is none.

    One child answers all of them; after one that kills it, a new child goes on with the rest.
    After one that hangs no more are put: each could take as long again.
    """
    answers: dict[str, Answer] = {}
    left = list(dict.fromkeys(questions))
    while left:
        reply, hangs = _run(left)
        for question, answer in reply.items():
            answers[question] = answer
            left.remove(question)
        if hangs:
            answers.update(dict.fromkeys(left, "not tried: the driver hung before"))
            break
    return answers


def _run(questions: list[str]) -> tuple[dict[str, Answer], bool]:
    """Run one child; return what it answered, and whether it hung.

    The question at which it ended gets the reason as its answer.
    """
    hangs = False
    command = [sys.executable, "-m", PROBE, *questions]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s(),
            check=False,
        )
        output, why = done.stdout, ending(done.returncode)
    except subprocess.TimeoutExpired as late:
        output, why, hangs = late.stdout or b"", f"no answer within {timeout_s():g} s", True
    except OSError as error:
        why = error.strerror or type(error).__name__
        return dict.fromkeys(questions, f"no probe could be started: {why}"), False
    answers: dict[str, Answer] = {}
    for line in output.decode("utf-8", "replace").splitlines():
        # A driver may print too, and a killed child may leave half a line.
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("question") in questions:
            answers[record["question"]] = record["answer"]
    unanswered = [question for question in questions if question not in answers]
    if unanswered:
        answers[unanswered[0]] = why
    return answers, hangs
