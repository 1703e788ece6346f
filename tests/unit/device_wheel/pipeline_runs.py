"""`run` and other programs, started with MediaPipe, TFLite and ONNX Runtime."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bench import inference_env

FRAMES = 270
FACES = 267
"""Frames of the video in which MediaPipe's CPU path finds a face."""


def variables(cache: Path) -> dict[str, str]:
    """Return an environment in which choices of a backend are stored in `cache`."""
    return {**inference_env.variables(), "MEDIAPIPE_JETSON_CACHE": str(cache)}


def python(
    settings: dict[str, str], *arguments: str | Path, limit_s: float = 900
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(inference_env.python()), *map(str, arguments)],
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def run(settings: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return python(settings, "-m", "mediapipe_jetson", "run", *arguments)


def reported(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]
