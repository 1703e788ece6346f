"""The bench's devices: brought up and provisioned once, or taken over from an interrupted run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bench.faults import inside, recording
from bench.faults.setting import Setting
from bench.faults.site import PLAN, SSH, Kind, Site
from jetson_kit.core import stopping
from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.files import locked, write_text
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release import signing
from jetson_kit.virtual_devices import device_request, inventory, lifecycle, store
from jetson_kit.virtual_devices.spec import Device

# A real image's check imports MediaPipe: most of a minute in a guest on a busy machine.
REAL_TIMES = 5
REAL_MIB = 1536


@contextlib.contextmanager
def up(
    kind: Kind, folder: Path, progress: Progress, setting: Setting, *, keep: bool = False
) -> Iterator[Site]:
    """Bring devices up and provision them, or take those that an interrupted run left there.

    They are taken down at the end, unless `keep`. Another run with the same devices is waited for.
    """
    with locked(folder / "lock", lambda: progress.say(f"another run has the {kind.prefix}s")):
        yield from _up(kind, folder, progress, setting, keep=keep)


def _up(
    kind: Kind, folder: Path, progress: Progress, setting: Setting, *, keep: bool
) -> Iterator[Site]:
    before = os.environ.get("KIT_STATE")
    os.environ["KIT_STATE"] = str(folder / "devices")
    try:
        site = _site(kind, folder, progress, setting)
        try:
            yield site
        finally:
            for going in site.processes:
                going.kill(all_of_it=True)
    finally:
        if not keep:
            with stopping.cleaning():
                lifecycle.down([], Progress(quiet=True))
        os.environ.pop("KIT_STATE")
        if before is not None:
            os.environ["KIT_STATE"] = before


def _site(kind: Kind, folder: Path, progress: Progress, setting: Setting) -> Site:
    there = [record.device for record in store.records() if record.stage == "ready"]
    if kind.root_on_disk:
        with contextlib.suppress(KitError):
            for device in there:
                recording.restart(device)
    fresh = len(there) != kind.count or any(not _whole(device) for device in there)
    if fresh:
        lifecycle.down([], progress)
        shutil.rmtree(folder / "state", ignore_errors=True)
        request = device_request.check(
            kind=kind.kind,
            arch=kind.arch,
            prefix=kind.prefix,
            count=kind.count,
            engine=setting.engine,
            memory_mib=REAL_MIB if setting.build and kind.root_on_disk else 0,
        )
        request = replace(request, root_on_disk=kind.root_on_disk)
        there = [record.device for record in lifecycle.up(request, progress)]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
    env["XDG_CONFIG_HOME"] = str(folder / "config")
    del env["KIT_STATE"]
    site = Site(kind, folder, tuple(there), env, setting)
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
            # A small image first: the whole of a real one is then sent and loaded.
            problems = site.renew(small=kind.root_on_disk)
    if problems:
        raise StepFailedError(f"the devices are no good to begin with: {problems[0]}")
    return site


def _good(site: Site) -> dict[str, str]:
    """Return what devices of an earlier run are on for good, nothing if one is not at rest."""
    seen = site.look()
    result = {name: item.image_id for name, item in seen.items()}
    unwell = inside.unwell(seen, {name: (image,) for name, image in result.items()})
    return {} if unwell or any(item.trial for item in seen.values()) else result


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
        "service_healthy_limit_s": kind.healthy_s * (REAL_TIMES if site.setting.build else 1),
        "docker_engine_daemon": daemon,
        "image_retry_delay_s": 2,
        "ansible_ssh_args": SSH,
        "ansible_timeout": 10,
    }
    return body
