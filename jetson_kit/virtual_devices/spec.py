"""What flows between the parts of a virtual Jetson, and what every kind of machine can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

KINDS = ("vm", "container")
ARCHES = ("arm64", "amd64")


@dataclass(frozen=True)
class Device:
    """One virtual Jetson, as it is kept in its state folder."""

    name: str
    kind: str
    """"vm" or "container"."""
    arch: str
    """"arm64" or "amd64"."""
    module: str
    """Id of targets.toml, such as orin-nano-8gb."""
    l4t: str
    """Release without its r, such as 36.4.4."""
    cpu: str
    """QEMU CPU model, such as cortex-a76; "host" for a container."""
    folder: Path
    """Its state: device.json, seed.tar, console.log, what its kind keeps."""
    address: str
    """Where ssh answers: 127.0.0.1."""
    port: int
    user: str
    """"root"."""
    key: Path
    """Private ed25519 key."""
    known_hosts: Path
    """Pins the host key for [address]:port."""
    engine: str = ""
    """Docker Engine, by its name in device-engines.toml; empty is the default one."""
    memory_mib: int = 0
    """Of a container; 0 is the table's (limits.toml)."""
    root_on_disk: bool = False
    """Of a container: all of its root lies on a drive (drives.py), which can lose power."""


@dataclass(frozen=True)
class DeviceTree:
    """What /proc/device-tree says."""

    model: str
    compatible: tuple[str, ...]
    dts: str
    """Value of nvidia,dtsfilename; empty where the release has none."""


@dataclass(frozen=True)
class File:
    """A file that is put over a device's root before its first boot."""

    path: str
    """Absolute, as the device sees it; /usr/bin, not /bin."""
    mode: int = 0o644
    content: bytes = b""
    link: str = ""
    """Target of a symbolic link; mode and content are not used then."""


class Machine(Protocol):
    """A kind of machine: a module with these functions, as `vm` and `container`."""

    def prepare(self, arch: str, docker: str = "") -> None:
        """Make what all its devices share and what may take minutes the first time: root, disk.

        `docker` names the engine, "" the default one. Several processes may call it at once.
        """

    def sweep(self, known: frozenset[str]) -> None:
        """Remove what a killed run left: what is of this state folder, but of no `known` device.

        The store's lock is held; what cannot be removed now is left for the next time.
        """

    def start(self, device: Device, seed: Path, tree: DeviceTree | None) -> None:
        """Power on; return when its process runs.

        `seed` (a plain tar) is unpacked over the root at the first power-on only. Raises
        ToolMissingError or StepFailedError with the console's last words.
        """

    def running(self, device: Device) -> bool:
        """Tell whether it has power (a frozen one has)."""

    def stop(self, device: Device, *, hard: bool) -> None:
        """Take the power away: `hard` as a power cut does, else in order, then anyway.

        Nothing happens where it has none. Raises BadInputError where a kind has no such thing.
        """

    def discard(self, device: Device) -> None:
        """Take the power away at once and remove what it keeps outside of its folder.

        Whatever is gone already, or was never made, is no error.
        """

    def console(self, device: Device) -> str:
        """Return the end of what it printed since power-on: kernel and journal."""

    def freeze(self, device: Device) -> None:
        """Stop its CPUs."""

    def thaw(self, device: Device) -> None:
        """Let its CPUs go on."""

    def link(self, device: Device, *, up: bool) -> None:
        """Put its network cable in or pull it out."""

    def shell(self, device: Device, script: str) -> str:
        """Run a script as root inside, by ssh or the engine; return what it printed.

        Raises StepFailedError.
        """
