"""Power of single devices: from a record to a login that works, and back to nothing."""

from __future__ import annotations

import dataclasses
import json
import signal
import threading
import time
from collections.abc import Iterable

from jetson_kit.core.errors import StepFailedError
from jetson_kit.virtual_devices import board_profile, keys, kinds, limits, procs, seed, ssh, store
from jetson_kit.virtual_devices.keys import Pair
from jetson_kit.virtual_devices.procs import Process
from jetson_kit.virtual_devices.spec import Device, DeviceTree
from jetson_kit.virtual_devices.store import Record

TREE = "tree.json"
SEED = "seed.tar"
# How the programs are called that are a device.
EMULATOR = "qemu-system-"
KILL_S = 10.0
# Waits until systemd has started all it wanted to, then names what failed; after that, what the
# stand-ins' unit last said, unless it ended well.
SYSTEM = f"""\
state=$(systemctl is-system-running --wait || :)
failed=$(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | xargs)
echo "$state${{failed:+: $failed}}"
unit={board_profile.UNIT}
systemctl --quiet is-active "$unit" || {{
  journalctl --boot --unit="$unit" --output=cat --no-pager --lines=8 | grep -v '^$' ||
    echo "$unit did not run"
}}
"""


def up(record: Record, login: Pair, cancelled: threading.Event) -> Record:
    """Bring a device up from its record; return it when ssh answers and systemd is through.

    Raises StepFailedError when it dies, takes too long or is taken down meanwhile.
    """
    device = record.device
    own = keys.install(device, login)
    looks = board_profile.make(device.module, device.l4t, device.kind, device.arch)
    seed.write((*own, *looks.files), device.folder / SEED)
    tree = json.dumps(dataclasses.asdict(looks.tree))
    (device.folder / TREE).write_text(tree, encoding="utf-8")
    started = time.monotonic()
    on(device)
    answered, system = wait(device, cancelled)
    times = {"ssh": answered - started, "system": time.monotonic() - started}
    ready = dataclasses.replace(
        record,
        stage="ready",
        system=system,
        times={name: round(seconds, 3) for name, seconds in times.items()},
    )
    with store.exclusive():
        if store.read(device.name) != record:
            raise StepFailedError(f"{device.name} was taken down while it started")
        store.write(ready)
    return ready


def on(device: Device) -> None:
    """Put a device under power, with the seed and the device tree that it was made with."""
    facts = json.loads((device.folder / TREE).read_text(encoding="utf-8"))
    tree = DeviceTree(facts["model"], tuple(facts["compatible"]), facts["dts"])
    kinds.machine(device.kind).start(device, device.folder / SEED, tree)


def wait(device: Device, cancelled: threading.Event) -> tuple[float, str]:
    """Wait for ssh, then for systemd.

    Return when ssh answered (monotonic seconds), and systemd's word with the units that failed.
    Raises StepFailedError, also where the stand-ins of a board were not put on: without them it
    looks like no Jetson.
    """
    machine = kinds.machine(device.kind)
    facts = limits.of(device.kind)
    ssh.wait(device, facts["ssh_s"], lambda: not cancelled.is_set() and machine.running(device))
    answered = time.monotonic()
    system, *failed = ssh.shell(device, SYSTEM, timeout_s=facts["system_s"]).strip().splitlines()
    if failed:
        raise StepFailedError(
            f"{device.name}: the stand-ins of a Jetson were not put on ({system})",
            f"its unit {board_profile.UNIT} said: {'; '.join(failed)}",
        )
    return answered, system


def last_words(device: Device, lines: int = 20) -> str:
    """Return the last lines of a device's console and journal."""
    return "\n".join(kinds.machine(device.kind).console(device).splitlines()[-lines:])


def off(record: Record) -> None:
    """Take a device's power and all that it keeps outside of its folder.

    Raises StepFailedError where something of it can't be ended.
    """
    kinds.machine(record.device.kind).discard(record.device)
    _end(procs.below(store.state_dir(), EMULATOR).get(record.device.name, ()))


def sweep(known: frozenset[str]) -> None:
    """End and remove what killed runs left of devices that are not `known`. The lock is held."""
    for machine in kinds.MACHINES.values():
        machine.sweep(known)
    for name, processes in procs.below(store.state_dir(), EMULATOR).items():
        if name not in known:
            _end(processes)


def _end(processes: Iterable[Process]) -> None:
    for process in processes:
        if not procs.end(process, signal.SIGKILL, KILL_S):
            raise StepFailedError(f"process {process.pid} can't be ended")
