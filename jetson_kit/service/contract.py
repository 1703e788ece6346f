"""How the image's container runs on a device: service.toml as `docker run` or SDK arguments."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why
from jetson_kit.wheels.device_wheel import SOURCE

DATA = Path(__file__).with_name("service.toml")
CAUSES = SOURCE / "src" / "mediapipe_jetson" / "data" / "doctor.json"
RUNC = "runc"
NODE = re.compile(r"^(?P<mode>[0-7]+) (?P<gid>\d+) (?P<path>/dev/\S+)$")


@dataclass(frozen=True)
class Folder:
    """A folder of the device that the container writes to; `mode` is octal text."""

    source: str
    target: str
    owner: int
    group: int
    mode: str


@dataclass(frozen=True)
class Reports(Folder):
    """The folder in which reports outlive the container."""

    file: str


@dataclass(frozen=True)
class Device:
    """What of a device decides how the container runs there."""

    nvidia_runtime: bool = False
    groups: tuple[int, ...] = ()
    """Numbers of the groups that own the GPU's device nodes, in order."""


@dataclass(frozen=True)
class Service:
    """The container as it must run."""

    name: str
    user: str
    init: bool
    command: tuple[str, ...]
    read_only: bool
    cap_drop: tuple[str, ...]
    security_opt: tuple[str, ...]
    restart: str
    network: str
    memory: str
    pids_limit: int
    tmpfs: Mapping[str, str]
    reports: Reports | None
    cache: Folder | None
    log_driver: str
    log_options: Mapping[str, str]
    environment: Mapping[str, str]
    nvidia_runtime: str
    nvidia_environment: Mapping[str, str]

    @property
    def folders(self) -> tuple[Folder, ...]:
        """Return the device's folders that it has."""
        return tuple(folder for folder in (self.reports, self.cache) if folder)

    def env(self, image: str, device: Device) -> dict[str, str]:
        """Return the variables that the container is given; `image` is its id or digest."""
        own = {name: value.replace("{image}", image) for name, value in self.environment.items()}
        return own | (dict(self.nvidia_environment) if device.nvidia_runtime else {})

    def runtime(self, device: Device) -> str:
        """Return the name of the OCI runtime."""
        return self.nvidia_runtime if device.nvidia_runtime else RUNC

    def throwaway(self) -> Service:
        """Return it for one command: no name, no restart, its folders in memory alone."""
        # Open to whichever user there is: Podman takes no owner.
        in_memory = {folder.target: "size=64m,mode=1777" for folder in self.folders}
        return replace(
            self, name="", restart="no", reports=None, cache=None, tmpfs={**self.tmpfs, **in_memory}
        )  # fmt: skip


@functools.cache
def load(path: Path = DATA) -> Service:
    """Return the table's service. Raises BadInputError if it is damaged."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        own, nvidia = table["container"], table["nvidia"]
        lists: dict[str, Any] = {
            key: tuple(own.pop(key)) for key in ("command", "cap_drop", "security_opt")
        }
        return Service(
            **own,
            **lists,
            tmpfs=table["tmpfs"],
            reports=Reports(**table["reports"]),
            cache=Folder(**table["cache"]),
            log_driver=table["log"]["driver"],
            log_options=table["log"]["options"],
            environment=table["environment"],
            nvidia_runtime=nvidia["runtime"],
            nvidia_environment=nvidia["environment"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is no table of a service: {why(error)}") from error


def run_arguments(service: Service, image: str, device: Device) -> list[str]:
    """Return the arguments of `docker run`, the image and its command included."""
    flags = ["--name", service.name] if service.name else []
    flags += ["--user", service.user, "--restart", service.restart, "--network", service.network]
    flags += ["--init"] if service.init else []
    flags += ["--read-only"] if service.read_only else []
    flags += ["--memory", service.memory, "--pids-limit", str(service.pids_limit)]
    flags += ["--runtime", service.runtime(device)]
    for flag, values in (
        ("--cap-drop", service.cap_drop),
        ("--security-opt", service.security_opt),
        ("--group-add", map(str, device.groups)),
        ("--tmpfs", (f"{path}:{options}" for path, options in service.tmpfs.items())),
        ("--env", (f"{name}={value}" for name, value in service.env(image, device).items())),
    ):
        flags += [word for value in values for word in (flag, value)]
    for place in service.folders:
        flags += ["--mount", f"type=bind,source={place.source},target={place.target}"]
    return [*flags, image, *service.command]


def log_arguments(service: Service) -> list[str]:
    """Return the options of `docker run` that bound what stays of the container's output."""
    options = (f"--log-opt={name}={value}" for name, value in service.log_options.items())
    return ["--log-driver", service.log_driver, *options]


def run_options(service: Service, image: str, device: Device) -> dict[str, Any]:
    """Return the same as run_arguments as keyword arguments of Docker's SDK, image included."""
    options: dict[str, Any] = {
        "image": image,
        "command": list(service.command),
        "user": service.user,
        "init": service.init,
        "read_only": service.read_only,
        "cap_drop": list(service.cap_drop),
        "security_opt": list(service.security_opt),
        "group_add": list(map(str, device.groups)),
        "restart_policy": {"Name": service.restart},
        "network_mode": service.network,
        "mem_limit": service.memory,
        "pids_limit": service.pids_limit,
        "tmpfs": dict(service.tmpfs),
        "environment": service.env(image, device),
        "runtime": service.runtime(device),
    }
    if service.name:
        options["name"] = service.name
    if service.folders:
        options["volumes"] = {
            place.source: {"bind": place.target, "mode": "rw"} for place in service.folders
        }
    return options


@functools.cache
def node_patterns() -> tuple[str, ...]:
    """Return globs of the device nodes that a GPU is reached by, from the doctor's table."""
    return tuple(json.loads(CAUSES.read_text(encoding="utf-8"))["facts"]["nodes"])


def nodes_command(further: Iterable[str] = ()) -> str:
    """Return a shell command that prints mode, group and path of each of the device's nodes.

    `further` are globs beyond the GPU's: those of an application's devices.
    """
    patterns = dict.fromkeys([*node_patterns(), *map(_glob, further)])
    return f"stat -L -c '%a %g %n' {' '.join(patterns)} 2>/dev/null || true"


def _glob(pattern: str) -> str:
    """Return a glob that a shell expands and reads nothing else in."""
    return re.sub(r"[^A-Za-z0-9/_.,:*?\[\]-]", lambda match: f"\\{match[0]}", pattern)


def groups_of(listing: str) -> tuple[int, ...]:
    """Return the groups that a user needs for what nodes_command printed; root's never is one."""
    rows = (NODE.match(line.strip()) for line in listing.splitlines())
    result = [(int(row["mode"], 8), int(row["gid"])) for row in rows if row]
    # Who may use a node by the rights of all needs no group for it.
    closed = {gid for mode, gid in result if mode & 0o060 == 0o060 and mode & 0o006 != 0o006}
    return tuple(sorted(closed - {0}))


def local_device(runtimes: Iterable[str]) -> Device:
    """Return this machine as a device; `runtimes` are the engine's."""
    names = [name for pattern in node_patterns() for name in Path("/").glob(pattern[1:])]
    facts = [(name, name.stat()) for name in names]
    listing = "\n".join(f"{item.st_mode & 0o777:o} {item.st_gid} {name}" for name, item in facts)
    return Device(load().nvidia_runtime in runtimes, groups_of(listing))
