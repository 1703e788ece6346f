"""Time ./inv build from nothing, with one file changed and with nothing changed, some rounds each.

The rival is what users write: FROM a Debian arm64 base, apt-get and pip in RUN lines, under QEMU.
It gets the same packages, the same hash-pinned wheels and the same models, and its base is there
already. Both make an image in the engine; ours has made its archive, its bill of materials and an
inference too when the whole command ends.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from docker.errors import DockerException

from bench.build import rival
from jetson_kit.build import plan
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.wheels import device_wheel

OUT = ROOT / "bench" / "build.json"
SCHEMA = "mediapipe-jetson-kit/bench-build/2"
EDITED = Path("src/mediapipe_jetson/__init__.py")
# Running or waiting programs for each core, in the last minute, above which it is no quiet machine.
BUSY = 0.5


def run(rounds: int = 3, *, rival_rounds: int = 2, busy: bool = False) -> dict[str, Any]:
    """Measure, and write bench/build.json: lists of seconds of wall time, one for each round.

    Raises BadInputError on a machine with much else to do, unless `busy` allows that: then the
    result and docs/benchmarks.md say so.
    """
    if rounds < 1 or rival_rounds < 0:
        raise BadInputError("fewer than one round measure nothing", "take 3 or more")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > BUSY * cores and not busy:
        raise BadInputError(
            f"this machine is busy (load {load:.1f} on {cores} cores): the times would be wrong",
            "wait until it is quiet, or add --busy: the result then says so",
        )
    planned = plan.make(Request(jetson=True))
    engine.client()
    seconds: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    for number in range(rounds):
        with (
            _images_removed(planned.name),
            tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="bench-") as name,
        ):
            for key, value in _round(Path(name), f"{number + 1}/{rounds}", sizes).items():
                seconds.setdefault(key, []).append(round(value, 2))
    try:
        for _ in range(rival_rounds):
            seconds.setdefault("rival_dockerfile", []).append(_rival(planned, seconds))
    finally:
        rival.remove_base()
    result = {
        "schema": SCHEMA,
        "plan": planned.name,
        "cores": cores,
        "load_at_start": round(load, 2),
        "quiet": load <= BUSY * cores,
        "seconds": seconds,
        **sizes,
        **_ratio(seconds),
    }
    if rival_rounds:
        write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def _ratio(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Return the rival's time divided by ours: of the medians, and the least and the most."""
    theirs, ours = seconds.get("rival_dockerfile"), seconds["image"]
    if not theirs:
        return {}
    spread = [min(theirs) / max(ours), max(theirs) / min(ours)]
    middle = statistics.median(theirs) / statistics.median(ours)
    return {"ratio": round(middle, 1), "ratio_spread": [round(item, 1) for item in spread]}


def _round(folder: Path, number: str, sizes: dict[str, float]) -> dict[str, float]:
    """Return the seconds of one round, all caches of it in `folder`."""
    source = folder / "device"
    shutil.copytree(device_wheel.SOURCE, source)
    output = folder / "out"
    arguments = ["build", "--jetson", "--output", str(output)]
    left_out = [*arguments, "--no-start"]
    result: dict[str, float] = {}
    epoch = int(time.time())
    with _caches(folder / "image"):
        result["image"] = _timed(number, "image", epoch + 1, source, [])
        _edit(source)
        result["one_file_image"] = _timed(number, "one_file_image", epoch + 1, source, [])
    with _caches(folder / "whole"):
        result["command"] = _timed(number, "command", epoch, source, arguments)
        built = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
        sizes["unpacked_mb"] = round(built["image"]["size"] / 1e6, 1)
        sizes["archive_mb"] = round(built["archive"]["size"] / 1e6, 1)
        result["nothing_changed"] = _timed(number, "nothing_changed", epoch, source, arguments)
        _edit(source)
        result["one_file_no_start"] = _timed(number, "one_file_no_start", epoch, source, left_out)
        _edit(source)
        result["one_file"] = _timed(number, "one_file", epoch, source, arguments)
    return result


def _edit(source: Path) -> None:
    with (source / EDITED).open("a", encoding="utf-8") as out:
        out.write(f"\n# {time.time_ns()}\n")


@contextmanager
def _images_removed(target: str) -> Iterator[None]:
    """Remove the images that were not there before and are this benchmark's."""
    listed = engine.client().images.list
    label = {"label": f"{engine.KIT_LABEL}={target}"}
    before = {image.id for image in listed(filters=label)}
    try:
        yield
    finally:
        for candidate in listed(filters=label):
            if candidate.id not in before:
                with suppress(DockerException):
                    engine.client().images.remove(str(candidate.id), force=True)


@contextmanager
def _caches(folder: Path) -> Iterator[None]:
    """Work with empty caches of our own, of uv and of apt; the user's are left alone."""
    names = ("KIT_CACHE", "UV_CACHE_DIR")
    before = {name: os.environ.get(name) for name in names}
    for name in names:
        os.environ[name] = str(folder / name.lower())
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _timed(number: str, what: str, epoch: int, source: Path, arguments: Sequence[str]) -> float:
    """Return how long a command takes from its start to its end."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bench.build.typed", str(epoch), str(source), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - started
    if done.returncode:
        raise StepFailedError(f"./inv {' '.join(arguments)} failed: {done.stderr[-300:]}")
    print(f"{number}  {what}: {took:.2f} s", file=sys.stderr, flush=True)
    return took


def _rival(planned: BuildPlan, seconds: dict[str, list[float]]) -> float:
    base_s, dockerfile_s = rival.run(planned, Progress(), base="rival_base" not in seconds)
    if base_s:
        seconds["rival_base"] = [base_s]
    return dockerfile_s
