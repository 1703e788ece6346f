"""Every sub-model on LiteRT's accelerator, in both precisions: its adapter, error and times.

    python3 -m mediapipe_jetson.bench.litert [--model PART]... > result.json

Each is tried in a process of its own against the CPU, as at a device's first use.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mediapipe_jetson.backends import first_use, litert_gpu
from mediapipe_jetson.backends.base import SubModel
from mediapipe_jetson.models import models_folder
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import cpu, packages, vulkan_devices
from mediapipe_jetson.solutions.graphs import attention
from mediapipe_jetson.tflite import model
from mediapipe_jetson.tflite.flat import DamagedError

SCHEMA = "mediapipe-jetson/bench-litert/1"
TFLITE = ".tflite"
TIMEOUT_S = 1200.0


def sub_models(folder: Path) -> Iterator[SubModel]:
    """Yield every sub-model of the models in a folder, once each."""
    seen = set()
    for path in sorted(folder.iterdir()):
        for name, content in _members(path.name, path):
            whole = SubModel.of(name, content)
            cut = whole.sha256 == attention.digest()
            for sub_model in attention.parts(whole).values() if cut else (whole,):
                if sub_model.sha256 not in seen:
                    seen.add(sub_model.sha256)
                    yield sub_model


def _members(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    if name.endswith(TFLITE):
        yield name[: -len(TFLITE)], path.read_bytes()
    elif name.endswith(".task"):
        yield from _inside(name, path.read_bytes())


def _inside(bundle: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a bundle's models, those of bundles inside of it too."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist():
            if member.endswith(TFLITE):
                yield f"{bundle}/{member[: -len(TFLITE)]}", archive.read(member)
            elif member.endswith(".task"):
                yield from _inside(f"{bundle}/{member}", archive.read(member))


def row(sub_model: SubModel, name: str) -> dict[str, Any]:
    """Return what one sub-model did on one backend; `accelerator` is gpu, cpu or none."""
    result: dict[str, Any] = {"model": sub_model.name, "sha256": sub_model.sha256, "backend": name}
    why = litert_gpu.table()["on_cpu"].get(Path(sub_model.name).name)
    if why:
        return {**result, "accelerator": "cpu", "why": why}
    try:
        dense = model.densified(sub_model.tflite)
    except DamagedError as error:
        return {**result, "accelerator": "none", "why": str(error)}
    try:
        verdict = first_use.attempt(dense, name, TIMEOUT_S)
    except first_use.NoVerdictError as error:
        return {**result, "accelerator": "none", "why": str(error)}
    return {
        **result,
        "accelerator": "none" if verdict.why_not else "gpu",
        "why": verdict.why_not,
        "made_dense": dense is not sub_model.tflite,
        "adapter": verdict.adapter,
        "error_of_largest": verdict.error,
        "first_ms": verdict.first_ms,
        "gpu_ms": verdict.gpu_ms,
        "cpu_ms": verdict.cpu_ms,
    }


def document(folder: Path, parts: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Return the result for all sub-models of a folder, or those whose name has one of `parts`."""
    devices, processor, load = vulkan_devices.read(), cpu.read(), os.getloadavg()[0]
    rows = []
    for sub_model in sub_models(folder):
        if parts and not any(part in sub_model.name for part in parts):
            continue
        for name in names:
            rows.append(row(sub_model, name))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return {
        "schema": SCHEMA,
        "machine": getattr(processor, "arch", None),
        "cpu": getattr(processor, "name", None),
        "emulated": getattr(processor, "emulated", None),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": round(load, 2),
        "litert": packages.version("ai-edge-litert"),
        "vulkan": devices.reason
        if isinstance(devices, Absent)
        else [device.line() for device in devices],
        "rows": rows,
    }


def main(arguments: Sequence[str]) -> int:
    """Print the result as JSON; 1 where no sub-model ran on the GPU."""
    parser = argparse.ArgumentParser(prog="bench.litert", description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", default=[], metavar="PART")
    parser.add_argument("--backend", action="append", choices=litert_gpu.NAMES)
    parser.add_argument("--models", type=Path, default=models_folder())
    options = parser.parse_args(arguments)
    litert_gpu.keep_shaders()
    result = document(options.models, options.model, options.backend or litert_gpu.NAMES)
    print(json.dumps(result, indent=1))
    return 0 if any(item["accelerator"] == "gpu" for item in result["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
