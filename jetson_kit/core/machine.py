"""The machine that the kit runs on."""

from __future__ import annotations

import platform

from jetson_kit.core.errors import BadInputError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def host_arch() -> str:
    """Return this machine's architecture in Docker's words. Raises BadInputError."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise BadInputError(f"no image can be built for a {machine} machine", "use --jetson")
    return ARCHITECTURES[machine]
