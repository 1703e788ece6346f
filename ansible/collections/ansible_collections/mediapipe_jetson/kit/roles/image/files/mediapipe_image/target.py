"""What this device is, and whether an image is for it."""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Sequence, Tuple

from mediapipe_image import command, disk
from mediapipe_image.errors import ToolMissingError, WrongDeviceError

# What the role service has in place of an image's own command, unless told otherwise.
IDLE = ("sleep", "infinity")
MACHINES = {"aarch64": "arm64", "x86_64": "amd64"}
# How an image for each is built.
BUILDS = {"arm64": "./inv build --jetson", "amd64": "./inv build --variant emulated"}
L4T_RELEASE = re.compile(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*(\d+(?:\.\d+)*)")
PART = re.compile(r"(?<![0-9a-z])[pP](\d{4}-\d{4})(?!\d)")
SOC = re.compile(r"nvidia,(tegra\d+)")
# /proc/device-tree is a link to the second; containers that stand for a Jetson have only that one.
TREES = ("/proc/device-tree", "/sys/firmware/devicetree/base")


class Target(NamedTuple):
    """What an image is for; an empty text or list is any."""

    architecture: str
    l4t: str
    socs: Tuple[str, ...]
    # Part numbers of the modules.
    modules: Tuple[str, ...]


def check(name: str, target: Target) -> None:
    """Refuse a release by its target. Raises WrongDeviceError."""
    own = MACHINES.get(os.uname().machine, os.uname().machine)
    if target.architecture != own:
        raise WrongDeviceError(
            f"{name} is for {target.architecture}, this device is {own}",
            "build one for it: {}".format(BUILDS.get(own, "./inv build")),
        )
    message = _tree("compatible") + _tree("nvidia,dtsfilename")
    socs = SOC.findall(message)
    if target.socs and not set(socs) & set(target.socs):
        raise WrongDeviceError(
            "{} is for {}, this device has {}".format(
                name, " and ".join(target.socs), socs[0] if socs else "no Tegra"
            )
        )
    parts = list(dict.fromkeys("p" + item for item in PART.findall(message)))
    if target.modules and not set(parts) & set(target.modules):
        raise WrongDeviceError(
            "{} is for the modules {}, this device is {}".format(
                name, ", ".join(target.modules), ", ".join(parts) or "none that is known"
            )
        )
    value = device_l4t()
    if target.l4t and target.l4t != value:
        raise WrongDeviceError(
            "{} is for L4T {}, this device has {}".format(name, target.l4t, value or "none"),
            "build one for it: ./inv build --jetson --l4t {}".format(value or "RELEASE"),
        )


def check_command(name: str, application: str, command: Sequence[str]) -> None:
    """Refuse an application that would not run, since the service has its default command.

    Raises WrongDeviceError.
    """
    if application and tuple(command) == IDLE:
        raise WrongDeviceError(
            f"{name} is the application {application}, and this device would run "
            f"{' '.join(IDLE)} in its place, the default of service_container",
            "copy service.yml of its build to group_vars/all beside the inventory, "
            "then: ./inv fleet.provision",
        )


def _tree(name: str) -> str:
    """Return a property of the device tree, its strings in one; "" where there is none."""
    for folder in TREES:
        try:
            with Path(disk.ROOT + folder, name).open("rb") as stream:
                return stream.read(4096).decode("utf-8", "replace").replace("\0", "\n")
        except OSError:
            continue
    return ""


@lru_cache(maxsize=None)
def device_l4t() -> str:
    """Return this device's L4T release or "": the package's version first, as apt raises it."""
    try:
        package = command.ask(["dpkg-query", "-W", "-f=${Version}", "nvidia-l4t-core"])
        if not package.code and package.out.strip():
            return package.out.strip().split("-", 1)[0]
    except ToolMissingError:
        pass
    try:
        text = Path(disk.ROOT + "/etc/nv_tegra_release").read_text(encoding="utf-8")
    except OSError:
        return ""
    match = L4T_RELEASE.match(text)
    if not match:
        return ""
    return ".".join([match.group(1), *f"{match.group(2)}.0".split(".")[:2]])
