"""Builds missing engines beside the application: one process at the lowest priority.

What it makes is used by whoever loads a model afterwards; until then the next best backend serves.
The GPU has no such priority: while an engine is being timed, inference on it is slower.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.engines import builders, fit, make, manifest, places
from mediapipe_jetson.engines.errors import BuildError, ManifestError, NoBuilderError
from mediapipe_jetson.engines.identity import PRECISIONS, LocalRuntime
from mediapipe_jetson.engines.make import Place
from mediapipe_jetson.engines.manifest import Onnx
from mediapipe_jetson.observation import one_line

VARIABLE = "MEDIAPIPE_JETSON_ENGINES_BUILD"
"""off keeps anything from being built here."""
STATE = "background.json"
LOG = "background.log"
START_S = 20.0
NICEST = 19


def start(folders: Optional[Sequence[Path]] = None) -> str:
    """See to it that missing engines are being built; return in one clause what becomes of it.

    It never raises: whoever asks has another backend to go on with.
    """
    try:
        why = obstacle(folders)
        if why:
            return f"none is built here: {why}"
        with make.alone(places.cache(), wait=False) as free:
            if not free:
                return "one is being built in the background"
        command = [sys.executable, "-m", "mediapipe_jetson", "engines", "background", "--detach"]
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=START_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"none is built here: {one_line(error)}"
    return f"it is built in the background now (see {places.cache() / STATE})"


def obstacle(folders: Optional[Sequence[Path]] = None) -> str:
    """Return why nothing can be built here, in one clause; "" if something can."""
    if os.environ.get(VARIABLE, "").lower() in ("off", "0", "no"):
        return f"{VARIABLE} says so"
    if not sources(folders):
        return "there are no ONNX files"
    try:
        builders.find()
    except NoBuilderError as error:
        return str(error)
    folder = places.cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return "" if os.access(folder, os.W_OK) else f"{folder} can't be written to"


def sources(folders: Optional[Sequence[Path]] = None) -> list[Onnx]:
    """Return the ONNX files of all folders, each model and precision once, the fast ones first."""
    result: dict[tuple[str, str], Onnx] = {}
    for folder in places.folders() if folders is None else folders:
        try:
            listed = manifest.read(folder)
        except ManifestError:
            continue
        for item in listed.onnx if listed else ():
            result.setdefault((item.source_sha256, item.precision), item)
    return sorted(result.values(), key=lambda item: PRECISIONS.index(item.precision))


def detach() -> bool:
    """Leave the caller: return True in the process that goes on, False in the one that ends."""
    if os.fork():
        return False
    os.setsid()
    log = places.cache() / LOG
    with log.open("w") as out, Path(os.devnull).open() as nothing:
        for stream, target in ((0, nothing), (1, out), (2, out)):
            os.dup2(target.fileno(), stream)
    return True


def step_back() -> None:
    """Take the lowest priority, and be the first that is ended when memory is short."""
    with contextlib.suppress(OSError):
        os.nice(NICEST)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def work(here: LocalRuntime, device: Mapping[str, Any], flags: Sequence[str]) -> int:
    """Build all that is missing, one after the other; return how many failed.

    An engine that failed before, of the same file and TensorRT, is not tried again. Raises
    NoBuilderError.
    """
    folder = places.cache()
    builder = builders.find()
    place = Place(folder, here.sm, here.tensorrt, tuple(flags), make.facts(device))
    with make.alone(folder, wait=False) as free:
        if not free:
            return 0
        failed = _failures(folder)
        done: list[str] = []
        for source in sources():
            name = place.identity(source).file
            if _fits(source, here) or failed.get(name) == source.sha256:
                continue
            _write_state(folder, "building", name, done, failed)
            try:
                make.build_engine(place, source, builder)
            except (BuildError, OSError) as error:
                print(one_line(error), flush=True)
                failed[name] = source.sha256
            else:
                done.append(name)
        _write_state(folder, "failed" if failed else "done", "", done, failed)
    return len(failed)


def _fits(source: Onnx, here: LocalRuntime) -> bool:
    """Tell whether an engine of this model and precision fits already."""
    for folder in places.folders():
        with contextlib.suppress(ManifestError):
            listed = manifest.read(folder)
            for engine in listed.engines if listed else ():
                same = engine.identity.source_sha256 == source.source_sha256
                precise = engine.identity.precision == source.precision
                if same and precise and fit.problem(engine, here) is None:
                    return True
    return False


def state(folder: Optional[Path] = None) -> dict[str, Any]:
    """Return what the last or present builder told; {} if there was none."""
    try:
        document = json.loads(((folder or places.cache()) / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _failures(folder: Path) -> dict[str, str]:
    failed = state(folder).get("failed")
    return {str(k): str(v) for k, v in failed.items()} if isinstance(failed, dict) else {}


def _write_state(
    folder: Path, word: str, engine: str, done: Sequence[str], failed: Mapping[str, str]
) -> None:
    message = {
        "state": word, "engine": engine, "done": list(done), "failed": dict(failed),
        "pid": os.getpid(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    manifest.write_aside(folder / STATE, (json.dumps(message, indent=1) + "\n").encode())
