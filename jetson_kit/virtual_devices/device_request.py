"""Which virtual Jetsons a user asks for, checked against the table of targets."""

from __future__ import annotations

import difflib
import platform
from dataclasses import dataclass

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.text import counted
from jetson_kit.targets import arm_levels
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Module, Target
from jetson_kit.virtual_devices import engines
from jetson_kit.virtual_devices.spec import ARCHES, KINDS
from jetson_kit.virtual_devices.store import NAME, NAME_MOST

DEFAULT_MODULE = "orin-nano-8gb"
PREFIX = "jetson"
MOST = 64
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# SoCs with cores below ARMv8.2 run code that a Cortex-A57 runs; the others that of a Cortex-A76.
OLD_CPU = "cortex-a57"
NEW_CPU = "cortex-a76"


@dataclass(frozen=True)
class DeviceRequest:
    """Some equal devices."""

    kind: str
    count: int
    arch: str
    module: str
    l4t: str
    cpu: str
    prefix: str
    engine: str
    memory_mib: int
    """Of each container; 0 is the table's."""
    root_on_disk: bool = False
    """Of a container: all of its root on a drive of its own."""


def host_arch() -> str:
    """Return this machine's architecture as Debian calls it."""
    return MACHINES.get(platform.machine().lower(), platform.machine())


def check(
    *,
    kind: str = "",
    count: int = 1,
    arch: str = "",
    module: str = "",
    l4t: str = "",
    prefix: str = "",
    engine: str = "",
    memory_mib: int = 0,
) -> DeviceRequest:
    """Return what is asked for, empty words replaced by what fits the others.

    Kind: container. Architecture: this machine's for a container, arm64 for a vm. Release: the
    table's default where the module has it, else the module's newest. Module: orin-nano-8gb where
    the release has it, else the release's first. Engine: the table's default. Raises BadInputError.
    """
    kind = kind or "container"
    if kind not in KINDS:
        raise BadInputError(f'unknown kind "{kind}"', f"take {' or '.join(KINDS)}")
    if not 1 <= count <= MOST:
        raise BadInputError(
            f"{counted(count, 'device')} can't be made", f"take 1 to {MOST} with --count"
        )
    arch = arch or (host_arch() if kind == "container" else "arm64")
    if arch not in ARCHES:
        raise BadInputError(f'unknown architecture "{arch}"', f"take {' or '.join(ARCHES)}")
    if kind == "container" and arch != host_arch():
        raise BadInputError(
            f"a container runs on this machine's processor ({host_arch()}), not on {arch}",
            f"take --kind vm --arch {arch}",
        )
    if memory_mib and kind != "container":
        raise BadInputError(
            "--memory is of containers", "leave it out: a vm has memory for MediaPipe"
        )
    _check_prefix(prefix or PREFIX)
    engine = engines.get(engine).name
    result, target = _combination(module, l4t)
    old = arm_levels.rank(result.soc.arm_level) < arm_levels.rank("armv8.2-a")
    cpu = "host" if kind == "container" else (OLD_CPU if old else NEW_CPU)
    if kind == "vm" and arch == "amd64":
        cpu = "max"
    return DeviceRequest(
        kind, count, arch, result.id, target.l4t, cpu, prefix or PREFIX, engine, memory_mib
    )


def _check_prefix(prefix: str) -> None:
    """Raise BadInputError, in the words that were typed, where names can't begin so."""
    if not NAME.fullmatch(f"{prefix}-{MOST}"):
        most = NAME_MOST - len(f"-{MOST}")
        raise BadInputError(
            f'no name of a device can begin with "{prefix}"',
            f"take a letter first, then small letters, digits and hyphens, {most} at most",
        )


def _combination(module: str, l4t: str) -> tuple[Module, Target]:
    table = targets.load()
    target = table.resolve(l4t) if l4t else None
    if not module and target:
        fitting = [item for item in target.modules if item.id == DEFAULT_MODULE]
        return (fitting or list(target.modules))[0], target
    requested = module or DEFAULT_MODULE
    ids = {item.id: item for item in table.modules}
    if requested not in ids:
        near = difflib.get_close_matches(requested.lower(), ids, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadInputError(f'unknown module "{requested}"', f"{hint}{targets.LIST_ALL}")
    result = ids[requested]
    releases = [item for item in table.all if result in item.modules]
    if target is None:
        return result, table.default if table.default in releases else releases[-1]
    if target not in releases:
        names = f"{releases[0].name} to {releases[-1].name}"
        raise BadInputError(f"{result.name} has no L4T {target.name}", f"it has {names}")
    return result, target
