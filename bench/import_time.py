"""How long `import mediapipe` takes and how much it fills: the official wheel against ours.

Each is installed as its users install it: the official wheel with what its metadata asks for, ours
with its lock. Both are imported in turns, in a fresh interpreter each time.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.run import run
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import repack
from jetson_kit.wheels.pins import Pin

SCHEMA = "mediapipe-jetson-kit/bench-import/1"

PROGRAM = (
    "import time; start = time.perf_counter(); import mediapipe; print(time.perf_counter() - start)"
)
SITE_PROGRAM = "import sysconfig; print(sysconfig.get_path('purelib'))"


@dataclass(frozen=True)
class Side:
    """One installation: median import time in ms, its samples, and what fills the disk in MB."""

    import_ms: float
    samples_ms: tuple[float, ...]
    installed_mb: float
    packages: int


@dataclass(frozen=True)
class ImportBench:
    """Both sides; ratios are official to ours, so above 1 ours is the faster or smaller."""

    version: str
    official: Side
    jetson: Side

    def as_json(self) -> dict[str, Any]:
        """Return both sides with their ratios."""
        return {
            **asdict(self),
            "time_ratio": self.time_ratio,
            "size_ratio": self.size_ratio,
            "cores": os.cpu_count(),
        }

    @property
    def time_ratio(self) -> float:
        """Return how many times faster ours imports."""
        return round(self.official.import_ms / self.jetson.import_ms, 2)

    @property
    def size_ratio(self) -> float:
        """Return how many times smaller ours is."""
        return round(self.official.installed_mb / self.jetson.installed_mb, 2)


def official_environment(pin: Pin, folder: Path) -> Path:
    """Install the official wheel with all that it asks for; return the environment's python."""
    python = uv.make_environment(folder)
    uv.install(python, wheels.fetch(pin))
    return python


def jetson_environment(pin: Pin, python: str, folder: Path, *extras: str) -> Path:
    """Install our wheel on its lock, and any extras; return the environment's python.

    `python` is the version of this interpreter, such as "3.11". Raises StepFailedError if
    `uv pip check` finds anything missing.
    """
    environment = uv.make_environment(folder)
    lock = wheels.lock_for(pin.wheel_class, pin.arch, python)
    wheel = repack.build(pin, folder)
    uv.install(environment, "--require-hashes", "--requirement", lock)
    uv.install(environment, "--no-deps", wheel)
    if extras:
        requested = f"mediapipe[{','.join(extras)}] @ {wheel.as_uri()}"
        uv.install(environment, "--constraints", lock, requested)
    wheel.unlink()
    uv.check(environment)
    return environment


def measure(pin: Pin, python: str, rounds: int = 11) -> ImportBench:
    """Import each `rounds` times in turns after one unmeasured round, and return the medians.

    Raises BadInputError for a wheel of another machine or too few rounds, else what uv raises.
    """
    if rounds < 1:
        raise BadInputError(f"{rounds} rounds measure nothing", "take 10 or more")
    folder = cache_dir("bench", f"import-{pin.jetson_version}-{python}")
    pythons = {
        "official": official_environment(pin, folder / "official"),
        "jetson": jetson_environment(pin, python, folder / "jetson"),
    }
    samples: dict[str, list[float]] = {side: [] for side in pythons}
    for turn in range(rounds + 1):
        for side, interpreter in pythons.items():
            took = float(run([interpreter, "-c", PROGRAM], what="import mediapipe").split()[-1])
            if turn:
                samples[side].append(round(took * 1000, 1))
    sides = {
        side: Side(
            round(statistics.median(samples[side]), 1),
            tuple(samples[side]),
            *_installed(interpreter),
        )
        for side, interpreter in pythons.items()
    }
    return ImportBench(pin.version, sides["official"], sides["jetson"])


def _installed(interpreter: Path) -> tuple[float, int]:
    """Return the size of site-packages without compiled Python, in MB, and its packages."""
    site = Path(run([interpreter, "-c", SITE_PROGRAM], what="asking for site-packages").strip())
    sizes = [
        path.stat().st_size for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc"
    ]
    return round(sum(sizes) / 1e6, 1), len(list(site.glob("*.dist-info")))


def report(rounds: int) -> str:
    """Measure the newest wheel on this machine, write bench/import.json and return its text."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    pin = wheels.select(host_arch(), python)
    text = json.dumps(
        {"schema": SCHEMA, **measure(pin, python, rounds).as_json()},
        indent=1,
    )
    write_text(ROOT / "bench" / "import.json", text + "\n")
    return text
