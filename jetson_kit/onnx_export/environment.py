"""The environment in which models are converted and judged, and the way to it.

ONNX, TFLite, ONNX Runtime and NVIDIA's parser take some 500 MB, and only who converts models needs
them. They run in a process of their own; what goes in and out is JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jetson_kit.core import environments, errors
from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import PACKAGE

WORKER = "jetson_kit.onnx_export.worker"


def python() -> Path:
    """Return the environment's Python; it is made when it is first asked for (some 20 s)."""
    return environments.python("engines")


def variables() -> dict[str, str]:
    """Return the environment variables in which the tools run: this project's code, our words."""
    inherited = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    return inherited | {
        "PYTHONPATH": f"{ROOT}:{PACKAGE}",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
    }


def ask(command: str, request: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Run one command of the worker on a request; return what it answers.

    Its progress goes to standard error as it comes. Raises the KitError that it ended with.
    """
    arguments = [str(python()), "-m", WORKER, command]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=variables(), text=True
    ) as worker:
        assert worker.stdin and worker.stdout and worker.stderr  # noqa: S101 - they are pipes
        telling = threading.Thread(target=_forward_messages, args=(worker.stderr,), daemon=True)
        telling.start()
        with contextlib.suppress(BrokenPipeError):  # it ended at once: reported below
            worker.stdin.write(json.dumps(request))
            worker.stdin.close()
        output = worker.stdout.read()
        telling.join()
    try:
        answer = json.loads(output)
    except ValueError as none:
        raise StepFailedError(
            f"{WORKER} {command} ended with {worker.returncode} and without an answer"
        ) from none
    if "error" in answer:
        raise error(answer["error"])
    return answer["result"]


def _forward_messages(lines: Iterable[str]) -> None:
    """Pass on what the worker says, without TFLite's own words on how it goes about its work."""
    for line in lines:
        if not line.startswith("INFO: "):
            print(line, end="", file=sys.stderr, flush=True)


def error(report: Mapping[str, str]) -> KitError:
    """Return the KitError that a process reported: its kind, message and cure."""
    kind = getattr(errors, report["kind"], StepFailedError)
    result: KitError = kind(report["message"], report["cure"])
    return result
