"""`devices`: virtual Jetsons, from power-on to ssh."""

from __future__ import annotations

import json as json_format

from invoke.collection import Collection
from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, Integer, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={
        "kind": Choice("container", "vm"),
        "count": Integer(1, 64),
        "arch": kinds.ARCH,
        "module": kinds.MODULE,
        "l4t": kinds.L4T,
        "engine": Text(),
        "memory": Integer(128, 65536),
        "name": kinds.DEVICE,
    },
    help={
        "kind": "container (default; up in seconds) or vm (QEMU; arm64, can lose power)",
        "count": "how many (default 1)",
        "arch": "arm64 or amd64 (default: arm64 for vm, this machine's for container)",
        "module": "module that it looks like (default orin-nano-8gb); ./inv targets",
        "l4t": "L4T release or JetPack (default: the table's, else the module's newest)",
        "engine": "Docker Engine: 20.10 (default), 26, 28 or 28-containerd (images in containerd)",
        "memory": "MiB of a container (default 400; 1536 is enough for an image that infers)",
        "name": "names begin so: NAME-1, NAME-2 (default jetson)",
        "json": "print the devices as JSON",
    },
)
def up(
    c: Context,
    kind: str = "",
    count: int = 1,
    arch: str = "",
    module: str = "",
    l4t: str = "",
    engine: str = "",
    memory: int = 0,
    name: str = "",
    json: bool = False,
) -> None:
    """Bring virtual Jetsons up until ssh answers. Example: ./inv devices.up --count 3."""
    from jetson_kit.core.progress import Progress
    from jetson_kit.fleet.release import virtual
    from jetson_kit.virtual_devices import (
        device_request,
        faults,
        inventory,
        lifecycle,
        next_steps,
        show,
    )

    del c
    request = device_request.check(
        kind=kind,
        count=count,
        arch=arch,
        module=module,
        l4t=l4t,
        prefix=name,
        engine=engine,
        memory_mib=memory,
    )
    progress = Progress()
    faults.heal_overdue(progress.say)
    records = lifecycle.up(request, progress)
    virtual.trust(inventory.path(), inventory.GROUP)
    if json:
        print(json_format.dumps([show.facts(record) for record in records], indent=1))
    else:
        print(f"inventory for Ansible: {inventory.path()}")
        steps = next_steps.lines(request, inventory.path(), has_key=virtual.has_key())
        print("\n".join(steps))


@kit_task(help={"json": "machine-readable output"})
def list_devices(c: Context, json: bool = False) -> None:
    """List the virtual Jetsons and how they are. Example: ./inv devices.list --json."""
    from jetson_kit.core.progress import Progress
    from jetson_kit.virtual_devices import faults, show, store

    del c
    faults.heal_overdue(Progress().say)
    records = store.records()
    if json:
        print(json_format.dumps([show.facts(record) for record in records], indent=1))
    else:
        print(show.table(records))


@kit_task(
    positional=["name"],
    options={"name": kinds.DEVICE, "timeout": kinds.SECONDS},
    auto_shortflags=False,
    help={
        "name": "device; after -- a command: one word is shell text",
        "timeout": "seconds until it is ended (default: none on a terminal, else 3600)",
    },
)
def ssh(c: Context, name: str, timeout: float = 0.0) -> None:
    """Log in, or run a command. Example: ./inv devices.ssh jetson-1 -- tegrastats."""
    import sys

    from jetson_kit.virtual_devices import ssh as client
    from jetson_kit.virtual_devices import store

    device = store.get(name).device
    command = sys.argv[sys.argv.index("--") + 1 :] if c.remainder and "--" in sys.argv else []
    sys.exit(client.attach(device, command, timeout))


@kit_task(positional=["name"], options={"name": kinds.DEVICE}, help={"name": "device"})
def logs(c: Context, name: str) -> None:
    """Print the end of a device's console and journal. Example: ./inv devices.logs jetson-1."""
    from jetson_kit.virtual_devices import kinds, store

    del c
    device = store.get(name).device
    print(kinds.machine(device.kind).console(device))


@kit_task(
    variadic="words",
    auto_shortflags=False,
    options={"words": Text(512)},
    help={
        "words": "device, then an image here (default: ./inv build --jetson --variant emulated)",
        "start": "run the service's container of it, as on a board",
    },
)
def load(c: Context, words: list[str], start: bool = False) -> None:
    """Load an image into a device's engine. Example: ./inv devices.load jetson-1."""
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.core.progress import Progress
    from jetson_kit.virtual_devices import image, service, store

    del c
    if not 1 <= len(words) <= 2:
        raise BadInputError("load takes a device and at most one image", "name a device")
    device = store.get(words[0]).device
    reference = words[1] if len(words) > 1 else image.default(device)
    progress = Progress()
    with progress.step("load", f"{device.name}: {reference}") as step:
        put = image.put(device, reference)
        step.note = "it was there" if put.known else "loaded"
    if start:
        with progress.step("start", f"{device.name}: the service's container"):
            service.start(device, put.id)


@kit_task(
    variadic="names",
    options={"names": kinds.DEVICE},
    help={"names": "devices (all)", "all": "all of them, as without a name"},
)
def down(c: Context, names: list[str], all: bool = False) -> None:
    """Take virtual Jetsons down and remove all of them. Example: ./inv devices.down."""
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.core.progress import Progress
    from jetson_kit.fleet.release import virtual
    from jetson_kit.virtual_devices import faults, inventory, lifecycle, store

    del c
    if names and all:
        raise BadInputError("--all and a name exclude each other", "give one of them")
    progress = Progress()
    if not lifecycle.down(names, progress):
        print("no virtual device was up")
    if not store.records():
        virtual.forget(inventory.path(), inventory.GROUP)
    faults.heal_overdue(progress.say)


@kit_task(
    positional=["name", "fault"],
    options={"name": kinds.DEVICE, "fault": Text(), "for_": Text()},
    help={
        "name": "device",
        "fault": "power-cut, freeze, net-off, net-slow, net-flaky, disk-full, clock-skew, "
        "kill-docker or read-only",
        "for": "seconds; it waits and heals (default: until devices.heal)",
    },
)
def fault(c: Context, name: str, fault: str, for_: str = "") -> None:
    """Put a fault into a device. Example: ./inv devices.fault jetson-1 net-off --for 30."""
    from jetson_kit.core.progress import Progress
    from jetson_kit.virtual_devices import faults

    del c
    progress = Progress()
    if for_:
        faults.during(name, fault, faults.seconds(for_), progress.say)
        progress.say(f"{name}: {fault} is over")
        return
    with progress.step(fault, f"{name} has {fault}"):
        faults.put(name, fault, None)


@kit_task(
    variadic="words",
    options={"words": Text()},
    help={"words": "device, then a fault (all)"},
)
def heal(c: Context, words: list[str]) -> None:
    """Take faults out of a device. Example: ./inv devices.heal jetson-1 net-off."""
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.core.progress import Progress
    from jetson_kit.virtual_devices import faults

    del c
    if not 1 <= len(words) <= 2:
        raise BadInputError("heal takes a device and at most one fault", "name a device")
    progress = Progress()
    faults.heal_overdue(progress.say)
    with progress.step("heal", f"{words[0]}: healed") as step:
        step.note = ", ".join(faults.heal(*words)) or "it has no fault"


def collection() -> Collection:
    """Return the tasks under their names."""
    result = Collection("devices", up, ssh, logs, load, down, fault, heal)
    result.add_task(list_devices, name="list")
    return result
