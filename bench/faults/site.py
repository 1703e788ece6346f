"""The devices of the bench, provisioned once, and a controller with records of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.faults import changed_release, inside, rollout_process, small_release
from bench.faults.inside import Inside
from bench.faults.rollout_process import RolloutProcess
from bench.faults.setting import Setting
from jetson_kit.containers import engine
from jetson_kit.core import output_folder
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT, ROOT_NAME
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.virtual_devices import container_parts
from jetson_kit.virtual_devices.spec import Device

# Shorter than a fleet's: a dead link is noticed within 10 s here, after a minute there.
SSH = (
    "-o ControlMaster=auto -o ControlPersist=60s -o BatchMode=yes -o StrictHostKeyChecking=yes "
    "-o ServerAliveInterval=3 -o ServerAliveCountMax=3"
)
PLAN = """\
canary = 0
batches = ["100%"]
stop_at = 2
soak_s = {soak_s}
poll_s = 2
verify = "none"
tries = {tries}
retry_s = {retry_s}
"""
# A check a second on five devices would take a fourth of two cores.
CHECK_S = 4
KEPT = 4
"""Builds that stay on this disk."""


@dataclass(frozen=True)
class Kind:
    """Devices of one kind, and how long they take for things."""

    kind: str
    arch: str
    """Empty is this machine's."""
    prefix: str
    count: int
    healthy_s: int
    """Seconds that a new image has to become healthy."""
    settle_s: float
    """Seconds until a device must be at rest after any fault."""
    limit_s: float
    """Seconds that a rollout may take."""
    plan: Mapping[str, int]
    """What stands in PLAN: on guests the rollout waits until one has booted again."""
    check_s: int = CHECK_S
    """Seconds between two of Docker's checks of a small image."""
    root_on_disk: bool = False
    """Of containers: all of their root lies on a drive that can lose power."""


KINDS = {
    "containers": Kind(
        "container", "", "board", 5, 20, 120.0, 900.0, {"soak_s": 3, "tries": 3, "retry_s": 2}
    ),
    "guests": Kind(
        "vm",
        "amd64",
        "guest",
        1,
        120,
        420.0,
        2400.0,
        {"soak_s": 8, "tries": 5, "retry_s": 10},
    ),
    "drives": Kind(
        "container",
        "",
        "drive",
        1,
        20,
        120.0,
        900.0,
        {"soak_s": 8, "tries": 3, "retry_s": 2},
        check_s=1,
        root_on_disk=True,
    ),
}


@dataclass
class Site:
    """Devices that are up and provisioned."""

    kind: Kind
    folder: Path
    devices: tuple[Device, ...]
    env: dict[str, str]
    setting: Setting
    good: dict[str, str] = field(default_factory=dict)
    """The image that each was confirmed on last."""
    release_count: int = 0
    processes: list[RolloutProcess] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)
    """How often each case was begun, in earlier runs too."""
    linked: bool = False
    """Whether the folder `real` stands for the setting's build."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the devices' names."""
        return tuple(device.name for device in self.devices)

    @property
    def hosts(self) -> Path:
        """Return the inventory."""
        return self.folder / "hosts.yml"

    @property
    def rollouts(self) -> Path:
        """Return the folder of the journals."""
        return self.folder / "state" / ROOT_NAME / "fleet" / "rollouts"

    @property
    def key(self) -> Path:
        """Return the key that signs releases."""
        return self.folder / "key"

    def device(self, name: str) -> Device:
        """Return a device by its name."""
        return next(item for item in self.devices if item.name == name)

    def allowed(self, release: Release) -> dict[str, tuple[str, ...]]:
        """Return what each device may be on while a release is rolled out."""
        return {name: (self.good[name], release.image_id) for name in self.names}

    def release(
        self,
        *,
        key: Path | None = None,
        sign: bool = True,
        small: bool = False,
        **how: Any,  # noqa: ANN401
    ) -> Release:
        """Return a new release, as small_release.build makes it, or of the setting's image.

        One that is `small` is of no build, whatever the setting.
        """
        self.release_count += 1
        number = f"v{int(time.time())}-{self.release_count}"
        builds = self.folder / "builds"
        if self.setting.build and not small:
            result = self._changed(builds / number, **how)
        else:
            result = small_release.build(builds / number, number, check_s=self.kind.check_s, **how)
        if sign:
            signing.sign(result.path, key or self.key)
        for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old)
        return result

    def _changed(self, folder: Path, bulk: int = 1000) -> Release:
        """Return the setting's image with one more layer, of so many bytes."""
        first = self.folder / "real"
        if self.setting.build and not self.linked:
            # What an earlier run was given may have changed since, or be gone.
            shutil.rmtree(first, ignore_errors=True)
            output_folder.linked(self.setting.build, first)
            self.linked = True
        path = "opt/mediapipe-jetson-kit/bench"
        return changed_release.build(releases.make(first), folder, path, os.urandom(bulk))

    def start(self, release: Release, *flags: str, hosts: Path | None = None) -> RolloutProcess:
        """Begin to roll a release out."""
        arguments = ["fleet.rollout", str(release.folder), "-i", str(hosts or self.hosts)]
        return self._start_rollout([*arguments, "--file", str(self.folder / "plan.toml"), *flags])

    def resume(self, number: str) -> RolloutProcess:
        """Go on with a rollout."""
        return self._start_rollout(["fleet.rollout", f"--resume={number}"], number)

    def _start_rollout(self, arguments: list[str], number: str = "") -> RolloutProcess:
        path = self.folder / "said" / f"{time.time():.3f}.txt"
        path.parent.mkdir(exist_ok=True)
        self.processes = [rollout for rollout in self.processes if rollout.child.poll() is None]
        self.processes.append(
            rollout_process.start(arguments, self.env, path, self.rollouts, number)
        )
        return self.processes[-1]

    def task(self, *arguments: str, code: int = 0, **extra: str) -> str:
        """Run a command that must end with `code`; return what it printed."""
        done = subprocess.run(
            rollout_process.command(*arguments), env={**self.env, **extra}, cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != code:
            output = " ".join((done.stderr or done.stdout).split())[-600:]
            raise StepFailedError(
                f"{arguments[0]} ended with {done.returncode}, not {code}: {output}"
            )
        return done.stdout if code == 0 else done.stderr

    def look(self) -> dict[str, Inside]:
        """Look into all devices."""
        return inside.look(self.devices)

    def drift(self) -> list[str]:
        """Return where fleet.status tells what is not so, or two views that differ."""
        seen = self.look()
        body = json.loads(self.task("fleet.status", "-i", str(self.hosts), "--json"))
        result = []
        for name, row in body["hosts"].items():
            image_id = (row["device"] or {}).get("image_id", row["answer"])
            if image_id != seen[name].image_id or (row["device"] or {}).get("running") != image_id:
                result.append(f"{name}: status says {image_id}, it is on {seen[name].image_id}")
            if row["drift"]:
                result.append(f"{name}: status tells of {', '.join(row['drift'])}")
            if not row["drift"] and row["controller"]["image_id"] != seen[name].image_id:
                result.append(f"{name}: the controller has {row['controller']['image_id']}")
        return result

    def renew(self, *, small: bool = False) -> list[str]:
        """Roll a new good release out to all; return what went wrong, nothing where all is well."""
        release = self.release(small=small)
        going = self.start(release)
        code = going.end(self.kind.limit_s)
        only = dict.fromkeys(self.names, (release.image_id,))
        seen, problems = inside.settled(self.devices, only, self.kind.settle_s)
        record = going.record
        if code or record is None or record.ended != journals.ALL:
            problems.append(f"the next rollout ended with {code}; see {going.output}")
        else:
            problems += inside.false_successes(record, code, seen)
        if not problems:
            self.good = dict.fromkeys(self.names, release.image_id)
        return problems

    def gateway(self) -> str:
        """Return this machine's address in the network of the containers."""
        network = engine.client().networks.list(names=[f"^{container_parts.label()}$"])[0]
        return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    def trusting(self, key: Path) -> Path:
        """Return an inventory by which the controller, not the devices, trusts another key."""
        body = yaml.safe_load(self.hosts.read_text(encoding="utf-8"))
        body["all"]["vars"]["image_allowed_signers"] = signing.signers([key])
        other = self.folder / "trusting.yml"
        write_text(other, yaml.safe_dump(body, sort_keys=False))
        return other
