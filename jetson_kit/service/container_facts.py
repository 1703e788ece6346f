"""A running container against service.toml: exact sets, each difference one line.

Pure functions on what `docker inspect`, /proc and a probe in the container say.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mediapipe_jetson.observe import emulation

from jetson_kit.service.contract import Device, Service, node_patterns
from jetson_kit.service.extra import NONE, Extra

# The kernel's names, in the order of their bits: include/uapi/linux/capability.h.
CAPABILITIES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable "
    "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio "
    "sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time "
    "sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog "
    "wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split()
# What every OCI runtime makes: the specification's default devices.
DEVICES = frozenset(
    f"/dev/{name}" for name in "null zero full random urandom tty console pts/ptmx".split()
)
ENGINE_MOUNTS = frozenset(("/etc/resolv.conf", "/etc/hostname", "/etc/hosts"))
KERNEL_MOUNTS = re.compile(r"/(proc|sys|dev)(/.*)?")
INIT_MOUNTS = frozenset(("/sbin/docker-init", "/usr/sbin/docker-init", "/dev/init"))
# Names the systemd unit that runs a container; the role `service` writes it.
UNIT = "io.mediapipe-jetson.unit"
LABEL = "io.mediapipe-jetson.target"
SIZES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
# Runs in the container as its user: nodes below /dev, mounts, and whether / takes a file.
PROBE = """
import json, os, stat
nodes = []
for folder, names, files in os.walk("/dev"):
    for name in names + files:
        path = os.path.join(folder, name)
        try:
            kind = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISCHR(kind.st_mode) or stat.S_ISBLK(kind.st_mode):
            nodes.append(path)
mounts = []
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    mounts.append([fields[4], "rw" in fields[5].split(","), fields[fields.index("-") + 1]])
written = []
for folder in ("/", "/etc", "/opt/mediapipe", "/usr/bin", "/var", "/home/mediapipe"):
    path = os.path.join(folder, ".written-by-verify")
    try:
        open(path, "x").close()
        written.append(folder)
        os.unlink(path)
    except OSError:
        pass
print(json.dumps({"nodes": sorted(nodes), "mounts": mounts, "written": written,
                  "uid": os.getuid(), "gid": os.getgid(), "groups": sorted(os.getgroups())}))
"""


@dataclass(frozen=True)
class Seen:
    """What was observed of one container."""

    inspect: Mapping[str, Any]
    """`docker inspect`, its one object."""
    image: Mapping[str, Any]
    """`docker image inspect` of its image."""
    status: Mapping[str, str]
    """/proc/PID/status of its first process, read on the host."""
    probe: Mapping[str, Any]
    """What PROBE printed."""
    injected: tuple[str, ...] = ()
    """Paths that the host's nvidia runtime is told to bring in; globs."""

    @property
    def host_config(self) -> Mapping[str, Any]:
        """Return the rights that the engine was asked for."""
        result: Mapping[str, Any] = self.inspect["HostConfig"]
        return result

    @property
    def environment(self) -> dict[str, str]:
        """Return the container's variables."""
        return _variables(self.inspect)


def _variables(document: Mapping[str, Any]) -> dict[str, str]:
    rows = (line.partition("=") for line in document["Config"]["Env"] or [])
    return {name: value for name, _, value in rows}


def status(text: str) -> dict[str, str]:
    """Return the lines of a /proc/PID/status as a table."""
    rows = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in rows if name}


def capabilities(mask: str) -> tuple[str, ...]:
    """Return the names in a hexadecimal mask; a bit without a name is `cap_N`."""
    bits = int(mask, 16)
    numbers = (number for number in range(bits.bit_length()) if bits >> number & 1)
    return tuple(CAPABILITIES[n] if n < len(CAPABILITIES) else f"cap_{n}" for n in numbers)


def size(text: str) -> int:
    """Return the bytes of Docker's "3g"."""
    return int(text[:-1]) * SIZES[text[-1]] if text[-1] in SIZES else int(text)


def injected(listing: str) -> tuple[str, ...]:
    """Return the paths in the csv files of NVIDIA's runtime ("lib, /usr/lib/x.so")."""
    rows = (line.partition(",") for line in listing.splitlines() if not line.startswith("#"))
    return tuple(sorted({path.strip() for kind, _, path in rows if path and kind.strip()}))


def _differs(what: str, expected: object, actual: object) -> list[str]:
    return [] if expected == actual else [f"{what}: expected {expected!r}, found {actual!r}"]


def _sets(what: str, requested: Iterable[Any], actual: Iterable[Any]) -> list[str]:
    expected, seen = set(requested), set(actual)
    lines = [f"{what}: {item} is there and must not be" for item in sorted(seen - expected)]
    return lines + [f"{what}: {item} is missing" for item in sorted(expected - seen)]


def _injected(path: str, allowed: Collection[str]) -> bool:
    return any(fnmatch.fnmatch(path, item) or path.startswith(f"{item}/") for item in allowed)


def unit(seen: Seen) -> str:
    """Return the systemd unit that starts the container again, "" where the engine does that."""
    return str((seen.inspect["Config"].get("Labels") or {}).get(UNIT, ""))


def privilege(seen: Seen, service: Service) -> list[str]:
    """Return differences of security options, seccomp, namespaces and limits."""
    host = seen.host_config
    options = [option.removesuffix(":true") for option in host.get("SecurityOpt") or []]
    # The kernel tells what the engine was asked for: 2 is a filter.
    return [
        *_differs("privileged", False, host["Privileged"]),
        *_sets("security option", service.security_opt, options),
        *_differs("no_new_privs", "1", seen.status.get("NoNewPrivs")),
        *_differs("seccomp", "2", seen.status.get("Seccomp")),
        *_differs("network", service.network, host["NetworkMode"]),
        *_sets("namespace shared with the host", (), _shared(host)),
        *_differs("memory limit", size(service.memory), host["Memory"]),
        *_differs("limit of processes", service.pids_limit, host["PidsLimit"]),
        *_differs(
            "restart policy", "no" if unit(seen) else service.restart, host["RestartPolicy"]["Name"]
        ),
        *_differs("init", service.init, bool(host.get("Init"))),
    ]  # fmt: skip


def _shared(host: Mapping[str, Any]) -> list[str]:
    return [
        name for name in ("PidMode", "IpcMode", "UTSMode", "UsernsMode") if host[name] == "host"
    ]


def rights(seen: Seen, service: Service) -> list[str]:
    """Return differences of the capabilities, as asked for and as the kernel has them."""
    host = seen.host_config
    dropped = [name.upper().removeprefix("CAP_") for name in host.get("CapDrop") or []]
    sets = _sets("dropped capability", service.cap_drop, dropped)
    sets += _sets("added capability", (), host.get("CapAdd") or [])
    for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        if name not in seen.status:
            sets.append(f"{name}: the kernel does not tell")
            continue
        sets += _sets(f"capability in {name}", (), capabilities(seen.status[name]))
    return sets


def user(seen: Seen, service: Service, device: Device) -> list[str]:
    """Return differences of user, group and further groups; root is never right."""
    uid, _, gid = service.user.partition(":")
    ids = dict.fromkeys(seen.status["Uid"].split()), dict.fromkeys(seen.status["Gid"].split())
    requested = {int(gid), *device.groups}
    return [
        *_differs("user", service.user, seen.inspect["Config"]["User"]),
        *_differs("user of the first process", [uid], list(ids[0])),
        *_differs("group of the first process", [gid], list(ids[1])),
        *_sets("group", requested, {int(gid), *map(int, seen.status["Groups"].split())}),
        *_sets("group in the settings", map(str, device.groups), _groups(seen.host_config)),
    ]


def _groups(host_config: Mapping[str, Any]) -> list[str]:
    """Return the groups asked for; the engine reads 044 as 44, so they are one group."""
    requested = host_config.get("GroupAdd") or []
    return [str(int(item)) if item.isdecimal() else item for item in map(str, requested)]


def devices(seen: Seen, device: Device, extra: Extra = NONE) -> list[str]:
    """Return differences of the device nodes: the runtime's own, the GPU's, the application's."""
    host = seen.host_config
    requested = [item["PathInContainer"] for item in host.get("Devices") or []]
    sets = _sets("device in the settings", extra.devices, requested)
    sets += _sets("rule for devices", (), host.get("DeviceCgroupRules") or [])
    sets += _differs("device requests", [], host.get("DeviceRequests") or [])
    further = sorted(set(seen.probe["nodes"]) - DEVICES)
    gpu = [item for item in further if device.nvidia_runtime and _gpu(item, seen)]
    own = [item for item in further if any(_at(item, place) for place in extra.devices)]
    lacking = [place for place in extra.devices if not any(_at(item, place) for item in own)]
    sets += _sets("device node", {*gpu, *own, *lacking}, further)
    if device.nvidia_runtime and not any(_injected(item, node_patterns()) for item in gpu):
        sets.append("device node: none of the GPU's is there")
    return sets


def _at(node: str, place: str) -> bool:
    """Tell whether a node is a device that was asked for, or lies in such a folder."""
    return node == place or node.startswith(f"{place}/")


def _gpu(node: str, seen: Seen) -> bool:
    return _injected(node, node_patterns()) or _injected(node, seen.injected)


def mounts(seen: Seen, service: Service, device: Device, extra: Extra = NONE) -> list[str]:
    """Return differences of what is mounted, as the engine and as the kernel report it."""
    expected = [("bind", place.source, place.target, True) for place in service.folders]
    expected += [
        (volume.kind, volume.source, volume.target, volume.writable) for volume in extra.volumes
    ]
    # The engine chooses where it stores a named volume.
    actual = [(item["Type"], item.get("Name") or item["Source"], item["Destination"], item["RW"])
             for item in seen.inspect["Mounts"]]  # fmt: skip
    sets = _sets("mount", expected, actual)
    sets += _differs("tmpfs", dict(service.tmpfs), dict(seen.host_config.get("Tmpfs") or {}))
    own = {*service.tmpfs, *(place.target for place in service.folders)}
    own |= {volume.target for volume in extra.volumes if not KERNEL_MOUNTS.fullmatch(volume.target)}
    points = {point: writable for point, writable, _ in seen.probe["mounts"]}
    free = ENGINE_MOUNTS | INIT_MOUNTS | {"/"}
    further = {p for p in points if p not in free and not KERNEL_MOUNTS.fullmatch(p)}
    # A device that only stands for a Jetson says so in its containers: that can only take from it.
    mark = emulation.MARKER
    brought = {p for p in further if device.nvidia_runtime and _injected(p, seen.injected)}
    brought |= further & {mark}
    # A tmpfs or a device's file mounted below /dev is a node, not a place; those are judged above.
    sets += _sets("mount point", own | brought, further)
    sets += [f"mount point: {item}, brought in, is writable" for item in brought if points[item]]
    closed = [volume.target for volume in extra.volumes if not volume.writable]
    sets += [
        f"mount point: {item} is writable and must not be" for item in closed if points.get(item)
    ]
    return sets


def root(seen: Seen, service: Service) -> list[str]:
    """Return where the root file system is writable, by its flags and by trying."""
    points = {point: writable for point, writable, _ in seen.probe["mounts"]}
    result = _differs(
        "read-only root in the settings", service.read_only, seen.host_config["ReadonlyRootfs"]
    )
    if points.get("/") is not False:
        result.append("the root file system is mounted writable")
    return result + [f"a file could be written into {item}" for item in seen.probe["written"]]


def runtime(seen: Seen, service: Service, device: Device, image: str) -> list[str]:
    """Return differences of the OCI runtime and of the variables that steer the driver."""
    result = _differs("runtime", service.runtime(device), seen.host_config["Runtime"])
    for name, value in service.env(image, device).items():
        result += _differs(name, value, seen.environment.get(name))
    # A base image may set some of its own; what the engine was asked for besides is exact.
    base = _variables(seen.image)
    for name, value in seen.environment.items():
        if name.startswith("NVIDIA_") and name not in service.nvidia_environment:
            result += _differs(name, base.get(name), value)
    for name, value in service.nvidia_environment.items():
        result += _differs(name, value, seen.environment.get(name))
    return result


def identity(seen: Seen, requested: str) -> list[str]:
    """Return why the image is not `requested` (an id; "" is any) or not one of the kit's."""
    result = _differs("image", requested, seen.inspect["Image"]) if requested else []
    if LABEL not in (seen.image["Config"].get("Labels") or {}):
        result.append(f"image: it has no label {LABEL}, so the kit did not build it")
    return result


def digests(seen: Seen) -> set[str]:
    """Return every name of the image's bytes that a report may give."""
    repository = seen.image.get("RepoDigests") or []
    return {seen.inspect["Image"], *repository, *(item.partition("@")[2] for item in repository)}
