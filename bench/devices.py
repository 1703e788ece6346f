"""`bench.devices`: how long virtual Jetsons take from power-on, how much memory they hold.

Each kind is brought up and taken down some times, from the cached base, alone on this machine.
After each round all that a device may leave is looked for: nothing may be there.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from jetson_kit.containers import engine
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import (
    container_parts,
    device_request,
    kinds,
    leftovers,
    lifecycle,
    procs,
    store,
)
from jetson_kit.virtual_devices.power import EMULATOR
from jetson_kit.virtual_devices.store import Record

OUT = ROOT / "bench" / "devices.json"
SCHEMA = "mediapipe-jetson-kit/bench-devices/1"
KINDS = {
    "container": {"kind": "container"},
    "vm_amd64": {"kind": "vm", "arch": "amd64"},
    "vm_arm64": {"kind": "vm", "arch": "arm64"},
}
# Running or waiting programs for each core, in the last minute, above which it is no quiet machine.
BUSY = 0.5


def run(rounds: int = 3, *, busy: bool = False) -> dict[str, Any]:
    """Measure, and write bench/devices.json: seconds of wall time, MiB of resident memory.

    Raises BadInputError on a machine with much else to do, unless `busy` allows that: then the
    result and docs/benchmarks.md say so. StepFailedError where a device leaves anything behind.
    """
    if rounds < 1:
        raise BadInputError(f"{rounds} rounds measure nothing", "take 3 or more")
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    quiet = load <= BUSY * cores
    if not quiet and not busy:
        raise BadInputError(
            f"this machine is busy (load {load:.1f} on {cores} cores): the times would be wrong",
            "wait until it is quiet, or add --busy: the result then says so",
        )
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "cores": cores,
        "load_at_start": round(load, 2),
        "quiet": quiet,
        "rounds": rounds,
    }
    available = _available_mib()
    with _own_state():
        for name, options in KINDS.items():
            kinds.machine(options["kind"]).prepare(options.get("arch", device_request.host_arch()))
            samples = [_cycle(name, options) for _ in range(rounds)]
            result[f"{name}_s"] = _median(samples, "ssh")
            result[f"{name}_running_s"] = _median(samples, "system")
            result[f"{name}_memory_mib"] = _median(samples, "memory_mib")
            result[f"{name}_samples_s"] = [sample["ssh"] for sample in samples]
    result["cycles"] = rounds * len(KINDS)
    result["memory_gone_mib"] = round(available - _available_mib())
    write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def _median(samples: list[dict[str, float]], what: str) -> float:
    return round(statistics.median(sample[what] for sample in samples), 2)


@contextmanager
def _own_state() -> Iterator[None]:
    """Work in a state folder of our own: devices that are up there are left alone."""
    before = os.environ.get("KIT_STATE")
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="devices-") as folder:
        os.environ["KIT_STATE"] = folder
        try:
            yield
        finally:
            lifecycle.down([], Progress(quiet=True))
            os.environ.pop("KIT_STATE")
            if before is not None:
                os.environ["KIT_STATE"] = before


def _cycle(name: str, options: dict[str, str]) -> dict[str, float]:
    """Bring one up and down; return its times and its memory when systemd was through."""
    progress = Progress()
    (record,) = lifecycle.up(device_request.check(prefix="bench", **options), progress)  # type: ignore[arg-type]
    result = {**record.times, "memory_mib": _memory(record)}
    lifecycle.down([record.device.name], progress)
    if left := leftovers.find(store.state_dir(), store.state_id()):
        raise StepFailedError(f"{name} left behind: {', '.join(sorted(left))}")
    return result


def _memory(record: Record) -> float:
    """Return the MiB of memory that a device holds on this machine."""
    device = record.device
    if device.kind == "vm":
        (process,) = procs.below(store.state_dir(), EMULATOR)[device.name]
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024
    name = container_parts.label(device.name)
    requested = cast("dict[str, Any]", engine.client().containers.get(name).stats(stream=False))
    stats = requested["memory_stats"]
    # As `docker stats` counts: without files that could be read again.
    files = stats["stats"].get("total_inactive_file", stats["stats"].get("inactive_file", 0))
    return int(stats["usage"] - files) / (1 << 20)


def _available_mib() -> float:
    """Return how much memory programs could get on this machine."""
    facts = Path("/proc/meminfo").read_text(encoding="utf-8")
    line = next(line for line in facts.splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) / 1024
