"""Runs the inferring process under one control and gathers what it told, raw."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.verify import counters
from mediapipe_jetson.verify.hardware import Sampler

HEAD, TAIL = 8000, 12000
SAMPLES_BEFORE_S = 0.5
# What no driver's manifest can be: glvnd and Vulkan's loader then find no vendor at all.
NOTHING = "/nonexistent/withheld.json"
WITHHELD = {
    "__EGL_VENDOR_LIBRARY_FILENAMES": NOTHING,
    "VK_DRIVER_FILES": NOTHING,
    "VK_ICD_FILENAMES": NOTHING,
}


# By these a user may keep the loader from taking the counting layer.
LAYER_SWITCHES = (
    "VK_LOADER_LAYERS_DISABLE",
    "VK_LOADER_LAYERS_ENABLE",
    "VK_LOADER_LAYERS_ALLOW",
    "VK_ADD_LAYER_PATH",
)
KILL_S = 10.0


@dataclasses.dataclass(frozen=True)
class ChildRequest:
    """One child: `delegates` in order; times in seconds; `bursts` are pairs of work and rest."""

    task: Mapping[str, Any]
    model: Path
    picture: Path
    delegates: tuple[str, ...]
    control: str = "none"
    warmup: int = 1
    frames: int = 5
    bursts: tuple[tuple[float, float], ...] = ()
    soak_s: float = 0.0
    timeout_s: float = 300.0


def unpacked(bundle: Path, member: str, folder: Path) -> Path:
    """Take one model out of a bundle; raise OSError, zipfile.BadZipFile or KeyError."""
    with zipfile.ZipFile(bundle) as archive:
        return Path(archive.extract(member, folder))


def photograph(path: Path) -> Optional[dict[str, str]]:
    """Return a picture's name and sha256, by which a reader finds the same one."""
    try:
        return {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    except OSError:
        return None


def environment(control: str, shim: Optional[Path], folder: Path) -> dict[str, str]:
    """Return the child's environment; the shim's files lie in `folder`."""
    result = dict(os.environ)
    if control == "withheld":
        result.update(WITHHELD)
    if shim is not None:
        page = folder / "counters"
        counters.create(page)
        layer = {
            "file_format_version": "1.1.2",
            "layer": {
                "name": counters.LAYER,
                "type": "GLOBAL",
                "library_path": str(shim),
                "api_version": "1.3.0",
                "implementation_version": "1",
                "description": "Counts submissions and dispatches",
            },
        }
        (folder / "layer.json").write_text(json.dumps(layer), encoding="utf-8")
        result[counters.FILE_VARIABLE] = str(page)
        preloaded = shim
        if re.search(r"[\s:]", str(shim)):
            # These part the names in LD_PRELOAD.
            preloaded = folder / shim.name
            preloaded.symlink_to(shim)
        result["LD_PRELOAD"] = " ".join(filter(None, (str(preloaded), result.get("LD_PRELOAD"))))
        for name in LAYER_SWITCHES:
            result.pop(name, None)
        result["VK_LAYER_PATH"] = str(folder)
        result["VK_INSTANCE_LAYERS"] = counters.LAYER
    return result


def run(
    request: ChildRequest, sampler: Optional[Sampler] = None, shim: Optional[Path] = None
) -> list[dict[str, Any]]:
    """Run one child; return an observation for each delegate, in the order of the request.

    Raises OSError where no process can be started or no file written.
    """
    with tempfile.TemporaryDirectory(prefix="verify-") as name:
        folder = Path(name)
        plan = {
            "task": dict(request.task),
            "model": str(request.model),
            "picture": str(request.picture),
            "delegates": request.delegates,
            "warmup": request.warmup,
            "frames": request.frames,
            "bursts": request.bursts,
            "soak_s": request.soak_s,
            "shim_file": str(folder / "counters") if shim else None,
        }
        child_environment = environment(request.control, shim, folder)
        with (folder / "words").open("w+b") as log, (folder / "told").open("w+b") as reported:
            if sampler:
                sampler.start()
                time.sleep(SAMPLES_BEFORE_S if sampler.readers else 0)
            began = time.monotonic()
            code = _child(
                plan, child_environment, log.fileno(), reported.fileno(), request.timeout_s
            )
            samples = sampler.stop() if sampler else None
            reported.seek(0)
            lines = _events(reported.read().decode("utf-8", "replace"))
            observations = _observations(request, lines, code, log.fileno(), samples)
    return [{**item, "began_s": began} for item in observations]


def _child(
    plan: Mapping[str, Any], environ: Mapping[str, str], log: int, reported: int, timeout_s: float
) -> Optional[int]:
    """Return the child's exit code; None if it was too late."""
    command = [
        sys.executable,
        "-m",
        "mediapipe_jetson.verify.child",
        json.dumps(plan),
        str(reported),
    ]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environ,
        pass_fds=[reported],
    )
    try:
        return child.wait(timeout=timeout_s + plan["soak_s"])
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.poll() is None:
            child.kill()
            # A driver that hangs in the kernel keeps even a killed process.
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(KILL_S)


def _bounded(descriptor: int, begin: int, end: Optional[int]) -> str:
    """Return the first and the last words of a part of a file."""
    size = (os.lseek(descriptor, 0, os.SEEK_END) if end is None else end) - begin
    if size <= HEAD + TAIL:
        return os.pread(descriptor, size, begin).decode("utf-8", "replace")
    head = os.pread(descriptor, HEAD, begin)
    tail = os.pread(descriptor, TAIL, begin + size - TAIL)
    left = f"\n[{size - HEAD - TAIL} bytes left out]\n"
    return head.decode("utf-8", "replace") + left + tail.decode("utf-8", "replace")


def _events(text: str) -> list[dict[str, Any]]:
    result = []
    for line in text.splitlines():
        # A killed child may leave half a line.
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            result.append(event)
    return result


def _signal(code: Optional[int]) -> Optional[str]:
    if code is None or code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _sorted(
    delegates: Sequence[str], events: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return what was reported of no delegate, and what of each."""
    common: dict[str, Any] = {"stage": "start"}
    phases: dict[str, dict[str, Any]] = {name: {} for name in delegates}
    for event in events:
        into = phases.get(event.pop("phase", ""), common)
        window = event.pop("window", None)
        if window:
            into.setdefault("soak", []).append(window)
        into.update(event)
    return common, phases


def _observations(
    request: ChildRequest,
    events: Sequence[dict[str, Any]],
    code: Optional[int],
    log: int,
    samples: Optional[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Sort events into one observation for each delegate; `log` is the child's standard error."""
    common, phases = _sorted(request.delegates, events)
    reached = [name for name in request.delegates if phases[name]]
    picture = photograph(request.picture)
    result = []
    for name in request.delegates:
        facts = phases[name]
        # The one at which the process ended bears its ending.
        last = not reached or name == reached[-1] or not facts
        ended = bool(common.get("ended"))
        result.append(
            {
                "task": request.task["name"],
                "delegate": name,
                "control": request.control,
                "picture": picture,
                "mediapipe": common.get("mediapipe"),
                "outcome": {
                    "stage": facts.get("stage", common["stage"]),
                    "error": facts.get("error") or common.get("error"),
                    "exit_code": code if last and not ended else 0,
                    "signal": _signal(code) if last else None,
                    "timed_out": code is None and last and not ended,
                },
                "context": facts.get("context"),
                "log": facts.get("log"),
                "stderr": _bounded(log, facts.get("stderr_from", 0), facts.get("stderr_to")),
                "work": {
                    "create": facts.get("work_create"),
                    "frames": facts.get("work_frames"),
                },
                "driver": {
                    "start": common.get("driver_start"),
                    "before": facts.get("driver_before"),
                    "during": facts.get("driver"),
                },
                "result": facts.get("result"),
                "times_s": {
                    "import": common.get("import_s"),
                    "create": facts.get("create_s"),
                    "frames": facts.get("frames_s"),
                },
                "warmup": request.warmup,
                "bursts": facts.get("bursts"),
                "rest_from_s": facts.get("rest_from_s"),
                "soak": facts.get("soak"),
                "hardware": samples,
            }
        )
    return result
