"""The verdicts that reports' raw observations carry, judged by the device wheel's own rules.

The device wheel's `verify.many` runs from source, as a process of its own, and answers in JSON: a
report that breaks it takes nothing else along.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jetson_kit.report.read import Report
from jetson_kit.wheels.device_wheel import SOURCE

BATCH = 40
# The process itself gives up a report after seconds; this is for a process that hangs.
BATCH_TIMEOUT_S = 240.0
NO_ANSWER = "judging it again ended without an answer"
Answer = Mapping[str, Any]


def judge(reports: Sequence[Report]) -> dict[Path, Answer]:
    """Return by path what each report's observations carry, or {"error": why not}."""
    requested = [report for report in reports if report.document is not None]
    batches = [requested[at : at + BATCH] for at in range(0, len(requested), BATCH)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        result = [answer for answers in pool.map(_batch, batches) for answer in answers]
    return {
        report.path: answer
        if answer.get("sha256") == report.sha256 or "error" in answer
        else {"error": "the file changed while it was read"}
        for report, answer in zip(requested, result, strict=True)
    }


def _batch(reports: Sequence[Report]) -> list[Answer]:
    """Return an answer for each; one that ends the process costs only its own answer."""
    result: list[Answer] = []
    while len(result) < len(reports):
        result += _process(reports[len(result) :])
        if len(result) < len(reports):
            result.append({"error": NO_ANSWER})
    return result


def _process(reports: Sequence[Report]) -> list[Answer]:
    requested = "".join(json.dumps(str(report.path.absolute())) + "\n" for report in reports)
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCE / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        stdout = subprocess.run(
            [sys.executable, "-P", "-m", "mediapipe_jetson.verify.many"],
            input=requested.encode(),
            capture_output=True,
            env=environment,
            timeout=BATCH_TIMEOUT_S,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as error:
        stdout = error.stdout or b""
    lines = stdout.split(b"\n")[:-1]
    return [json.loads(line) for line in lines][: len(reports)]
