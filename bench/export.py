"""`bench.export`: our ONNX files against tf2onnx's: which there are, how large, how fast.

tf2onnx needs TensorFlow. It gets an environment that is thrown away afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit.core import uv
from jetson_kit.core.errors import DiskFullError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.models import bundles as models
from jetson_kit.onnx_export import commands, environment

OUT = ROOT / "bench" / "export.json"
SCHEMA = "mediapipe-jetson-kit/bench-export/1"
LOCK = ROOT / "requirements" / "tf2onnx.txt"
ROOM = 4 << 30
"""Bytes that TensorFlow's environment and its cache take at most."""
TIMEOUT_S = 1800.0
PROGRAM = """
import json, sys
import tf2onnx.convert
failed = {}
for path in sys.argv[1:]:
    try:
        tf2onnx.convert.from_tflite(path, output_path=f"{path}.onnx")
    except Exception as error:
        failed[path] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
print(json.dumps(failed))
"""
# As in bench.devices.
BUSY = 0.5


def run(progress: Progress | None = None) -> dict[str, Any]:
    """Measure, and write bench/export.json: bytes, and ms of one run on one core.

    Raises DiskFullError where tf2onnx does not fit, else as engines.export.
    """
    progress = progress or Progress()
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    bundles = [str(path) for path in models.fetch()]
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="export-") as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < ROOM:
            raise DiskFullError(
                f"tf2onnx needs {ROOM >> 30} GiB in {folder}", "set KIT_CACHE to a larger disk"
            )
        with progress.step("tf2onnx", "setting up tf2onnx and TensorFlow"):
            rival = uv.make_environment(folder / "tf2onnx")
            uv.install(rival, "--require-hashes", "--requirement", LOCK)
        rows = commands.export(folder=folder / "ours", precision="fp32")
        there = environment.ask("unpack", {"paths": bundles, "folder": str(folder)})
        with progress.step("convert", "converting by tf2onnx"):
            failed = _convert(rival, there, progress)
        ours = {row["source_sha256"]: row for row in rows}
        measurements = []
        for row in there:
            with progress.step(row["sub_model"], f"measuring {row['sub_model']}"):
                reason = failed.get(row["path"], "")
                measurements.append(_measured(row, ours[row["source_sha256"]], reason))
    result = {
        "schema": SCHEMA,
        "cores": cores,
        "load_at_start": round(load, 2),
        "quiet": load <= BUSY * cores,
        "tf2onnx": _version("tf2onnx"),
        "sub_models": measurements,
    }
    write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def _version(package: str) -> str:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pin = next(line for line in lines if line.startswith(f"{package}=="))
    return pin.split("==")[1].split()[0]


def _convert(rival: Path, rows: Sequence[Mapping[str, Any]], progress: Progress) -> dict[str, str]:
    """Convert all models by tf2onnx, each beside itself; return why some failed, by their path."""
    done = subprocess.run(
        [str(rival), "-c", PROGRAM, *(row["path"] for row in rows)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise StepFailedError(f"tf2onnx ended with {done.returncode}")
    failed: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    progress.say(f"tf2onnx fails on {len(failed)} of {len(rows)}")
    return failed


def _measured(row: Mapping[str, Any], ours: Mapping[str, Any], failed: str) -> dict[str, Any]:
    theirs = Path(f"{row['path']}.onnx")
    files = {"ours": ours["path"]} | ({} if failed else {"tf2onnx": str(theirs)})
    timed = environment.ask("time", {"paths": [row["path"]], "files": files})
    if "tf2onnx" in timed["failed"]:
        failed = f"ONNX Runtime: {timed['failed']['tf2onnx']}"[:300]
    times = {
        f"{name}_{key}": value
        for name, values in timed["times"].items()
        for key, value in values.items()
    }
    return {
        "sub_model": row["sub_model"],
        "source_sha256": row["source_sha256"],
        "ours_bytes": ours["size"],
        "tf2onnx_bytes": None if failed else theirs.stat().st_size,
        "tf2onnx_failed": failed,
        **times,
    }
