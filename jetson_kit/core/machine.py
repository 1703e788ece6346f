"""The machine that the kit runs on."""

from __future__ import annotations

import os
import platform

from jetson_kit.core.errors import BadInputError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Where mkfs.ext4, losetup, depmod and sshd lie.
SYSTEM_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_system_programs() -> None:
    """Add the folders of system programs to PATH: a normal user's on Debian lacks them."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    missing = [folder for folder in SYSTEM_PROGRAMS if folder not in folders]
    os.environ["PATH"] = os.pathsep.join([*folders, *missing])


def host_arch() -> str:
    """Return this machine's architecture in Docker's words. Raises BadInputError."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise BadInputError(f"no image can be built for a {machine} machine", "use --jetson")
    return ARCHITECTURES[machine]
