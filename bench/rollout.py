"""`bench.rollout`: the controller's time and the bytes on the wire, against plain Ansible.

Both sides update the same devices to the same contents, one after the other. Up to ten devices
have engines of their own; more are light endpoints, whose engine is a stand-in (scale/light.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.scale import image_registry, light, real, release_set
from bench.scale.image_registry import Digests
from bench.scale.release_set import ReleaseSet
from bench.scale.sides import BOARD, Controller, Cost, Endpoints
from jetson_kit.ansible_driver import ansible
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release import release

OUT = ROOT / "bench" / "rollout.json"
SCHEMA = "mediapipe-jetson-kit/bench-rollout/1"
HOSTS = (10, 100, 500)
# What this machine has the memory and the disk for.
REAL_MOST = 10
BUSY = 0.5
# The product's waves. A soak is a time that one chooses, and the light endpoints infer nothing.
PLAN = 'soak_s = 0\nverify = "none"\npoll_s = 5\n'


def run(hosts: Sequence[int] = HOSTS, *, busy: bool = False) -> dict[str, Any]:
    """Measure each number of hosts, and write bench/rollout.json after each.

    What was measured before for other numbers stays there. Raises BadInputError on a machine with
    much else to do, unless `busy` allows that: then the result and docs/benchmarks.md say so.
    """
    if not hosts or any(count < 1 for count in hosts):
        raise BadInputError("no number of hosts to measure", "take 10,100,500")
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    if load > BUSY * cores and not busy:
        raise BadInputError(
            f"this machine is busy (load {load:.1f} on {cores} cores): the times would be wrong",
            "wait until it is quiet, or add --busy: the result then says so",
        )
    progress = Progress()
    result = _known()
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="rollout-") as name:
        folder = Path(name)
        write_text(folder / "plan.toml", PLAN)
        try:
            releases = release_set.make(folder, progress)
            for item in (releases.first, releases.update, releases.rebuilt):
                release.layers(item)
            with progress.step("push", "the images in a registry, for the rival"):
                digests = image_registry.fill(folder, releases)
            control = Controller(folder, releases.key)
            for count in hosts:
                way = _real if count <= REAL_MOST else _light
                costs = way(count, releases, digests, control, folder, progress)
                result["hosts"][str(count)] = _row(
                    releases, costs, way is _real, load <= BUSY * cores
                )
                result["cores"] = cores
                write_text(OUT, json.dumps(result, indent=1) + "\n")
        finally:
            release_set.forget()
    return result


def _known() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        body: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8"))
        if body.get("schema") == SCHEMA:
            return body
    return {"schema": SCHEMA, "hosts": {}}


def _row(
    releases: ReleaseSet, costs: dict[str, Cost], engines: bool, quiet: bool
) -> dict[str, Any]:
    ours, rival, layered = (costs[name] for name in ("ours", "rival", "rival_layers"))
    reported = {name: cost.as_json() for name, cost in costs.items()}
    worst = "bytes_both_ways_worst"
    return {
        "engines": "real" if engines else "stand-in",
        "quiet": quiet,
        "image_bytes": releases.update.size,
        "update_bytes": reported["ours"][worst],
        "update_percent": round(100 * reported["ours"][worst] / releases.update.size, 2),
        "speedup": round(rival.wall_s / ours.wall_s, 2),
        "cpu_ratio": round(rival.cpu_s / ours.cpu_s, 2),
        "bytes_ratio": round(reported["rival"][worst] / reported["ours"][worst], 1),
        "speedup_same_layers": round(layered.wall_s / ours.wall_s, 2),
        "bytes_ratio_same_layers": round(
            reported["rival_layers"][worst] / reported["ours"][worst], 1
        ),
        "costs": reported,
    }


def _real(
    count: int,
    releases: ReleaseSet,
    digests: Digests,
    control: Controller,
    folder: Path,
    progress: Progress,
) -> dict[str, Cost]:
    costs = {}
    with real.up(count, releases.signers, progress) as at:
        for name, item in (("ours_full", releases.first), ("ours", releases.update)):
            with _step(progress, f"{count} real engines: {name}") as reporter:
                costs[name] = reporter(control.rollout(at, item, folder / "plan.toml"))
        with progress.step("clean", "devices without any image"):
            at.clean()
        costs |= _rival(at, at.address, digests, control, folder, progress)
    return costs


def _light(
    count: int,
    releases: ReleaseSet,
    digests: Digests,
    control: Controller,
    folder: Path,
    progress: Progress,
) -> dict[str, Cost]:
    variables = {"image_allowed_signers": releases.signers}
    with light.up(1, variables) as first:
        # All others begin as this one: with the program, and on the first image.
        control.play(first, BOARD, ansible.environment())
        control.rollout(first, releases.first, folder / "plan.toml")
        with (
            light.up(count, variables, first.upper(0)) as at,
            _step(progress, f"{count} light endpoints: ours") as reporter,
        ):
            costs = {"ours": reporter(control.rollout(at, releases.update, folder / "plan.toml"))}
    with light.up(1, variables) as first:
        with image_registry.serving(folder, light.CONTROLLER, first.inside):
            control.plain(first, image_registry.reference(light.CONTROLLER, digests.first))
        with light.up(count, variables, first.upper(0)) as at:
            costs |= _rival(at, light.CONTROLLER, digests, control, folder, progress, full=False)
    return costs


def _rival(
    at: Endpoints,
    address: str,
    digests: Digests,
    control: Controller,
    folder: Path,
    progress: Progress,
    *,
    full: bool = True,
) -> dict[str, Cost]:
    """Update by the plain playbook: to the kit's layers, then to the same image built anew."""
    requested = {"rival_layers": digests.update, "rival": digests.rebuilt}
    if full:
        requested = {"rival_full": digests.first, **requested}
    costs = {}
    with image_registry.serving(folder, address, at.inside):
        for name, digest in requested.items():
            with _step(progress, f"{len(at.names)} devices: {name}") as reporter:
                costs[name] = reporter(control.plain(at, image_registry.reference(address, digest)))
    return costs


class _CostReporter:
    """Takes a cost and passes it on."""

    def __init__(self) -> None:
        self.cost: Cost | None = None

    def __call__(self, cost: Cost) -> Cost:
        self.cost = cost
        return cost


@contextlib.contextmanager
def _step(progress: Progress, what: str) -> Iterator[_CostReporter]:
    reporter = _CostReporter()
    with progress.step(what, what) as step:
        yield reporter
        if reporter.cost:
            message = reporter.cost.as_json()
            step.note = (
                f"{message['controller_cpu_s']} s of processor, load {message['load_at_start']}"
            )
