"""Measure the three by turns, in processes of their own; writes bench/solutions.json."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit.core import environments
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models
from jetson_kit.wheels.device_wheel import SOURCE

OUT = ROOT / "bench" / "solutions.json"
SCHEMA = "mediapipe-jetson-kit/bench-solutions/2"
HERE = Path(__file__).parent
FRAMES, WARM = 60, 10
LIMIT_S = 1800
HOOKED = (
    "import runpy, sys; from mediapipe_jetson.solutions import hook; hook.install(); "
    "del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
# Processor milliseconds and those on the clock, of each round, by case.
Times = dict[str, list[list[float]]]


def run(rounds: int = 3) -> dict[str, Any]:
    """Measure, and write the file; times are milliseconds a frame.

    Raises StepFailedError where a program fails, and what making an environment raises.
    """
    kit, legacy = environments.python("vision"), environments.python("solutions-legacy")
    load = os.getloadavg()[0]
    sides: dict[str, Times] = {"kit": {}, "legacy": {}, "tasks": {}}
    with tempfile.TemporaryDirectory(prefix="bench-solutions-") as name:
        scratch = Path(name)
        for path in (*models.fetch(), *legacy_models.fetch()):
            (scratch / path.name).symlink_to(path)
        frames = scratch / "frames.npz"
        output([kit, "-m", "bench.solutions.frames", frames, str(FRAMES)], {})
        arguments = [frames, str(WARM)]
        variables = {
            "PYTHONPATH": str(SOURCE / "src"),
            "MEDIAPIPE_JETSON_MODELS": name,
            "XDG_CACHE_HOME": name,
        }
        for _ in range(rounds):
            _add(sides["kit"], [kit, "-c", HOOKED, HERE / "program.py", *arguments], variables)
            _add(sides["legacy"], [legacy, HERE / "program.py", *arguments], {})
            _add(sides["tasks"], [kit, HERE / "tasks_program.py", *arguments, scratch], {})
    facts = {
        "schema": SCHEMA,
        "cores": os.cpu_count(),
        "load_at_start": round(load, 1),
        "rounds": rounds,
        "frames": FRAMES - WARM,
        "cases": {case: _row(case, sides) for case in sides["kit"]},
    }
    write_text(OUT, json.dumps(facts, indent=1) + "\n")
    return facts


def _row(case: str, sides: Mapping[str, Times]) -> dict[str, float]:
    """Return the least times of a case, and how many times faster the kit is by them.

    What else runs on a machine adds to both: to processor time by caches that it empties.
    """
    result: dict[str, float] = {}
    for at, unit in enumerate(("ms", "wall_ms")):
        least = {
            side: min(both[at] for both in times[case])
            for side, times in sides.items()
            if case in times
        }
        result |= {f"{side}_{unit}": round(value, 2) for side, value in least.items()}
        for side in ("legacy", "tasks"):
            if side in least:
                ratio = f"{side}_{unit.replace('ms', 'ratio')}"
                result[ratio] = round(least[side] / least["kit"], 2)
    return result


def _add(times: Times, command: Sequence[Any], variables: Mapping[str, str]) -> None:
    try:
        document: dict[str, list[float]] = json.loads(output(command, variables))
    except ValueError as error:
        raise StepFailedError(f"{command[-3]} printed no times: {error}") from error
    for case, both in document.items():
        times.setdefault(case, []).append(both)


def output(command: Sequence[Any], variables: Mapping[str, str]) -> str:
    """Return what a program printed; raise StepFailedError."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{SOURCE / 'src'}", **variables}
    if not variables and "-m" not in command:
        del environment["PYTHONPATH"]
    arguments = [str(word) for word in command]
    done = subprocess.run(
        arguments,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StepFailedError(f"{' '.join(arguments[:3])} ended with {done.returncode}: {last}")
    return done.stdout
