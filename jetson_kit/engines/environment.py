"""The environment in which models are converted and judged, and the way to it.

ONNX, TFLite, ONNX Runtime and NVIDIA's parser take some 500 MB, and only who converts models needs
them. They run in a process of their own; what goes in and out is JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit import environments, errors
from jetson_kit.errors import KitError, StepFailedError
from jetson_kit.paths import ROOT
from jetson_kit.run import failure

WORKER = "jetson_kit.engines.worker"


def python() -> Path:
    """Return the environment's Python; it is made when it is first asked for (some 20 s)."""
    return environments.python("engines")


def variables() -> dict[str, str]:
    """Return the environment variables in which the tools run: this project's code, our words."""
    kept = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONNOUSERSITE": "1"}


def ask(command: str, request: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Run one command of the worker on a request; return what it answers.

    Its progress goes to standard error as it comes. Raises the KitError that it ended with.
    """
    words: Sequence[str | Path] = [python(), "-m", WORKER, command]
    done = subprocess.run(
        [str(word) for word in words],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        env=variables(),
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        if done.returncode == 0:
            raise StepFailedError(f"{WORKER} {command} gave no answer") from error
        raise failure(f"{WORKER} {command}", done.returncode, "") from error
    if "error" in answer:
        raise _error(answer["error"])
    return answer["result"]


def _error(found: Mapping[str, str]) -> KitError:
    kind = getattr(errors, found["kind"], StepFailedError)
    made: KitError = kind(found["message"], found["cure"])
    return made
