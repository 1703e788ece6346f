"""`bench.inference`: the device side's own benchmark, on this machine, over a real video.

On a board the same is measured inside the image: `python3 -m mediapipe_jetson bench --json FILE`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jsonschema

from bench import inference_env, inference_plots, sample_videos
from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import PACKAGE

OUT = ROOT / "bench"
VIDEO = "Megamind.avi"
SCHEMA = PACKAGE / "mediapipe_jetson" / "data" / "bench-inference.schema.json"
LIMIT_S = 3600.0
# Running or waiting programs for each core, in the last minute, above which it is no quiet machine.
BUSY = 0.5


def run(rounds: int = 3, *, busy: bool = False) -> dict[str, Any]:
    """Measure, and write bench/inference-DEVICE.json with its pictures; return the document.

    Raises BadInputError on a machine with much else to do, unless `busy` allows that: then the
    result and docs/benchmarks.md say so.
    """
    if rounds < 1:
        raise BadInputError(f"{rounds} rounds measure nothing", "take 3 or more")
    cores = os.cpu_count() or 1
    # Before the environment is made: that is work of our own.
    load = os.getloadavg()[0]
    if load > BUSY * cores and not busy:
        raise BadInputError(
            f"this machine is busy (load {load:.1f} on {cores} cores): the times would be wrong",
            "wait until it is quiet, or add --busy: the result then says so",
        )
    python, environment = inference_env.python(), inference_env.variables()
    video = sample_videos.fetch(VIDEO)
    with tempfile.TemporaryDirectory(prefix="bench-inference-") as name:
        path = Path(name, "result.json")
        command = [python, "-m", "mediapipe_jetson", "bench", "--rounds", str(rounds)]
        command += ["--video", video, "--json", path]
        done = subprocess.run(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode or not path.exists():
            raise StepFailedError(f"the benchmark ended with exit code {done.returncode}")
        result = checked(path.read_bytes())
    result |= {"load_at_start": round(load, 2), "quiet": load <= BUSY * cores}
    write(result)
    return result


def checked(raw: bytes) -> dict[str, Any]:
    """Return a result, also one that came from a board; raise IntegrityError for none."""
    try:
        document: dict[str, Any] = json.loads(raw)
        jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    except (ValueError, jsonschema.ValidationError) as error:
        raise IntegrityError(
            f"this is no result of bench: {str(error).splitlines()[0]}", "measure again"
        ) from error
    return document


def write(result: dict[str, Any], folder: Path | None = None) -> list[Path]:
    """Write a result and its pictures into `folder` (bench/); return the files."""
    folder = folder or OUT
    stem = f"inference-{result['device']['name']}"
    files = {folder / f"{stem}.json": json.dumps(result, indent=1) + "\n"}
    for kind, picture in inference_plots.draw(result).items():
        files[folder / f"{stem}-{kind}.svg"] = picture
    for path, text in files.items():
        write_text(path, text)
    return list(files)


def take(path: Path) -> list[Path]:
    """Take over a board's result: write it beside this machine's. Raises BadInputError."""
    try:
        return write(checked(path.read_bytes()))
    except OSError as error:
        raise BadInputError(f"{path} can't be read: {error.strerror}") from error
