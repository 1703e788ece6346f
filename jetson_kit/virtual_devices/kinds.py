"""The module that makes each kind of virtual Jetson."""

from __future__ import annotations

from jetson_kit.virtual_devices import container, vm
from jetson_kit.virtual_devices.spec import Machine

MACHINES: dict[str, Machine] = {"container": container, "vm": vm}


def machine(kind: str) -> Machine:
    """Return the module that makes a kind."""
    return MACHINES[kind]
