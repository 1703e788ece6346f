"""Both sides of the measurement: a rollout by the kit, and a plain playbook."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.scale import traffic
from bench.scale.traffic import Bytes
from jetson_kit.ansible_driver import environments
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release.release import Release

RIVAL = Path(__file__).with_name("rival.yml")
BOARD = Path(__file__).with_name("board.yml")


class Endpoints(Protocol):
    """Devices, real or light."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return their names."""

    @property
    def inventory(self) -> Path:
        """Return how they are reached."""

    def inside(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return a command line that runs where the controller is."""

    def bytes_moved(self) -> dict[str, Bytes]:
        """Return what went to and came from each so far."""


@dataclass(frozen=True)
class Cost:
    """What one run took: wall time and processor time of the controller, bytes of each device."""

    wall_s: float
    cpu_s: float
    to: tuple[int, ...]
    back: tuple[int, ...]
    load: float

    def as_json(self) -> dict[str, Any]:
        """Return it as a document; the bytes are those of the median and of the worst device."""
        both = [to + back for to, back in zip(self.to, self.back, strict=True)]
        return {
            "wall_s": round(self.wall_s, 1),
            "controller_cpu_s": round(self.cpu_s, 1),
            "bytes_to_median": int(statistics.median(self.to)),
            "bytes_both_ways_worst": max(both),
            "bytes_of_all": sum(both),
            "load_at_start": round(self.load, 1),
        }


class Controller:
    """Runs programs as the controller would, with records and connections of its own."""

    def __init__(self, folder: Path, key: Path) -> None:
        self._folder = folder
        self._key = key

    def rollout(self, at: Endpoints, release: Release, plan: Path) -> Cost:
        """Roll a release out by ./inv fleet.rollout. Raises StepFailedError if not to all."""
        command: list[str | Path] = [ROOT / "inv", "fleet.rollout", release.folder]
        output, cost = self._run(
            at, [*command, "-i", at.inventory, "--file", plan, "--json"], self._environment()
        )
        result = json.loads(output)
        if result["result"] != "all":
            raise StepFailedError(f"the rollout ended as {result['result']}")
        return cost

    def plain(self, at: Endpoints, image: str) -> Cost:
        """Update by a plain playbook with Ansible's defaults."""
        settings = self._folder / "plain.cfg"
        write_text(settings, "[defaults]\n")
        environment = {
            name: value
            for name, value in self._environment().items()
            if not name.startswith("ANSIBLE") or name == "ANSIBLE_SSH_CONTROL_PATH_DIR"
        }
        program = environments.get(environments.LOCKED).program("ansible-playbook")
        command: list[str | Path] = [program, "-i", at.inventory, RIVAL]
        command += ["--extra-vars", json.dumps({"image": image})]
        return self._run(at, command, {**environment, "ANSIBLE_CONFIG": str(settings)})[1]

    def play(self, at: Endpoints, book: Path, environment: Mapping[str, str]) -> None:
        """Run a playbook as the kit does, without measuring."""
        program = environments.get(environments.LOCKED).program("ansible-playbook")
        self._run(at, [program, "-i", at.inventory, book], {**environment, **self._own()})

    def _own(self) -> dict[str, str]:
        # A connection to another device that had the same address must not be found again.
        place = tempfile.mkdtemp(dir=self._folder, prefix="c")
        return {"ANSIBLE_SSH_CONTROL_PATH_DIR": place}

    def _environment(self) -> dict[str, str]:
        state = {"KIT_STATE": str(self._folder / "state"), "PYTHONPATH": str(ROOT)}
        return {**os.environ, **state, **self._own()}

    def _run(
        self, at: Endpoints, command: Sequence[str | Path], environment: Mapping[str, str]
    ) -> tuple[str, Cost]:
        before, load = at.bytes_moved(), os.getloadavg()[0]
        with _metered() as meter:
            begun = time.monotonic()
            done = subprocess.run(
                [str(word) for word in meter.under(at.inside(command))],
                env=dict(environment),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            took = time.monotonic() - begun
            cpu = meter.seconds()
        moved = traffic.between(before, at.bytes_moved())
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
            raise StepFailedError(f"{Path(command[0]).name} {command[1]}: {' '.join(last)}")
        rows = [moved[name] for name in at.names]
        to, back = tuple(row.to for row in rows), tuple(row.back for row in rows)
        return done.stdout, Cost(took, cpu, to, back, load)


@contextlib.contextmanager
def _metered() -> Iterator[traffic.Meter]:
    with traffic.meter("controller") as meter:
        yield meter
