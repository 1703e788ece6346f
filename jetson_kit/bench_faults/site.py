"""The devices of the bench, provisioned once, and a controller with records of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jetson_kit import engine
from jetson_kit.bench_faults import inside, ride, small_release
from jetson_kit.bench_faults.inside import Inside
from jetson_kit.bench_faults.ride import Ride
from jetson_kit.devices import container_parts, crew, inventory, store, wanted
from jetson_kit.devices.spec import Device
from jetson_kit.errors import StepFailedError
from jetson_kit.files import write_text
from jetson_kit.fleet import journal as journals
from jetson_kit.fleet import signing
from jetson_kit.fleet.release import Release
from jetson_kit.paths import ROOT, ROOT_NAME
from jetson_kit.progress import Progress

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

    words: Mapping[str, str]
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


KINDS = {
    "containers": Kind(
        {"kind": "container"}, "board", 5, 20, 120.0, 900.0, {"soak_s": 3, "tries": 3, "retry_s": 2}
    ),
    "guests": Kind(
        {"kind": "vm", "arch": "amd64"},
        "guest",
        1,
        120,
        420.0,
        2400.0,
        {"soak_s": 8, "tries": 5, "retry_s": 10},
    ),
}


@dataclass
class Site:
    """Devices that are up and provisioned."""

    kind: Kind
    folder: Path
    devices: tuple[Device, ...]
    env: dict[str, str]
    good: dict[str, str] = field(default_factory=dict)
    """The image that each was confirmed on last."""
    made: int = 0
    rides: list[Ride] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the devices' names."""
        return tuple(one.name for one in self.devices)

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
        return next(one for one in self.devices if one.name == name)

    def allowed(self, made: Release) -> dict[str, tuple[str, ...]]:
        """Return what each device may be on while a release is rolled out."""
        return {name: (self.good[name], made.image_id) for name in self.names}

    def release(self, *, key: Path | None = None, sign: bool = True, **how: Any) -> Release:  # noqa: ANN401
        """Return a new release, as small_release.build makes it."""
        self.made += 1
        number = f"v{int(time.time())}-{self.made}"
        builds = self.folder / "builds"
        made = small_release.build(builds / number, number, check_s=CHECK_S, **how)
        if sign:
            signing.sign(made.path, key or self.key)
        for old in sorted(builds.iterdir(), key=lambda one: one.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old)
        return made

    def start(self, made: Release, *flags: str, hosts: Path | None = None) -> Ride:
        """Begin to roll a release out."""
        words = ["fleet.rollout", str(made.folder), "-i", str(hosts or self.hosts)]
        return self._ride([*words, "--file", str(self.folder / "plan.toml"), *flags])

    def resume(self, number: str) -> Ride:
        """Go on with a rollout."""
        return self._ride(["fleet.rollout", f"--resume={number}"], number)

    def _ride(self, words: list[str], number: str = "") -> Ride:
        said = self.folder / "said" / f"{time.time():.3f}.txt"
        said.parent.mkdir(exist_ok=True)
        self.rides = [one for one in self.rides if one.child.poll() is None]
        self.rides.append(ride.start(words, self.env, said, self.rollouts, number))
        return self.rides[-1]

    def task(self, *words: str, code: int = 0, **extra: str) -> str:
        """Run a command that must end with `code`; return what it printed."""
        done = subprocess.run(
            ride.command(*words), env={**self.env, **extra}, cwd=ROOT, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != code:
            said = " ".join((done.stderr or done.stdout).split())[-600:]
            raise StepFailedError(f"{words[0]} ended with {done.returncode}, not {code}: {said}")
        return done.stdout if code == 0 else done.stderr

    def look(self) -> dict[str, Inside]:
        """Look into all devices."""
        return inside.look(self.devices)

    def drift(self) -> list[str]:
        """Return where fleet.status tells what is not so, or two views that differ."""
        seen = self.look()
        body = json.loads(self.task("fleet.status", "-i", str(self.hosts), "--json"))
        found = []
        for name, row in body["hosts"].items():
            told = (row["device"] or {}).get("image_id", row["answer"])
            if told != seen[name].image_id or (row["device"] or {}).get("running") != told:
                found.append(f"{name}: status says {told}, it is on {seen[name].image_id}")
            if row["drift"]:
                found.append(f"{name}: status tells of {', '.join(row['drift'])}")
            if not row["drift"] and row["controller"]["image_id"] != seen[name].image_id:
                found.append(f"{name}: the controller has {row['controller']['image_id']}")
        return found

    def renew(self) -> list[str]:
        """Roll a new good release out to all; return what went wrong, nothing where all is well."""
        made = self.release()
        going = self.start(made)
        code = going.end(self.kind.limit_s)
        only = dict.fromkeys(self.names, (made.image_id,))
        seen, problems = inside.settled(self.devices, only, self.kind.settle_s)
        record = going.record
        if code or record is None or record.ended != journals.ALL:
            problems.append(f"the next rollout ended with {code}; see {going.said}")
        else:
            problems += inside.false_successes(record, code, seen)
        if not problems:
            self.good = dict.fromkeys(self.names, made.image_id)
        return problems

    def gateway(self) -> str:
        """Return this machine's address in the network of the containers."""
        found = engine.client().networks.list(names=[f"^{container_parts.label()}$"])[0]
        return str(found.attrs["IPAM"]["Config"][0]["Gateway"])

    def trusting(self, key: Path) -> Path:
        """Return an inventory by which the controller, not the devices, trusts another key."""
        body = yaml.safe_load(self.hosts.read_text(encoding="utf-8"))
        body["all"]["vars"]["image_allowed_signers"] = signing.signers([key])
        other = self.folder / "trusting.yml"
        write_text(other, yaml.safe_dump(body, sort_keys=False))
        return other


@contextlib.contextmanager
def up(kind: Kind, folder: Path, progress: Progress, *, keep: bool = False) -> Iterator[Site]:
    """Bring devices up and provision them, or take those that an interrupted run left there.

    They are taken down at the end, unless `keep`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("KIT_STATE")
    os.environ["KIT_STATE"] = str(folder / "devices")
    try:
        site = _site(kind, folder, progress)
        try:
            yield site
        finally:
            for going in site.rides:
                going.kill(all_of_it=True)
    finally:
        if not keep:
            crew.down([], Progress(quiet=True))
        os.environ.pop("KIT_STATE")
        if before is not None:
            os.environ["KIT_STATE"] = before


def _site(kind: Kind, folder: Path, progress: Progress) -> Site:
    there = [one.device for one in store.records() if one.stage == "ready"]
    fresh = len(there) != kind.count or any(not _whole(one) for one in there)
    if fresh:
        crew.down([], progress)
        shutil.rmtree(folder / "state", ignore_errors=True)
        asked = wanted.check(prefix=kind.prefix, count=kind.count, **kind.words)
        there = [one.device for one in crew.up(asked, progress)]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
    env["XDG_CONFIG_HOME"] = str(folder / "config")
    del env["KIT_STATE"]
    site = Site(kind, folder, tuple(there), env)
    if not site.key.exists():
        signing.make_key(site.key, "bench", passphrase=False)
    write_text(folder / "plan.toml", PLAN.format(**kind.plan))
    write_text(site.hosts, yaml.safe_dump(_inventory(site, kind), sort_keys=False))
    if fresh:
        with progress.step("provision", f"{kind.count} devices provisioned"):
            site.task(
                "fleet.provision", "-i", str(site.hosts), "--tags", "docker_engine,image,service"
            )
    site.good = {} if fresh else _good(site)
    problems: list[str] = []
    if not site.good:
        with progress.step("good", "all devices on a good image"):
            problems = site.renew()
    if problems:
        raise StepFailedError(f"the devices are no good to begin with: {problems[0]}")
    return site


def _good(site: Site) -> dict[str, str]:
    """Return what devices of an earlier run are on for good, nothing if one is not at rest."""
    seen = site.look()
    found = {name: one.image_id for name, one in seen.items()}
    unwell = inside.unwell(seen, {name: (image,) for name, image in found.items()})
    return {} if unwell or any(one.trial for one in seen.values()) else found


def _whole(device: Device) -> bool:
    """Tell whether a device of an earlier run can be used as it is."""
    seen = inside.look([device])[device.name]
    return not seen.lost and re.fullmatch(r"sha256:[0-9a-f]{64}", seen.image_id) is not None


def _inventory(site: Site, kind: Kind) -> dict[str, Any]:
    body = inventory.content(store.records())
    daemon: dict[str, Any] = {"live-restore": True}
    if site.devices[0].kind == "container":
        # The registry on this machine speaks no TLS to them.
        daemon["insecure-registries"] = [f"{site.gateway()}/32"]
    body["all"]["vars"] = {
        "image_allowed_signers": signing.signers([site.key.with_name("key.pub")]),
        "service_healthy_limit_s": kind.healthy_s,
        "docker_engine_daemon": daemon,
        "image_retry_delay_s": 2,
        "ansible_ssh_args": SSH,
        "ansible_timeout": 10,
    }
    return body
