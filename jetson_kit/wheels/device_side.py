"""The device wheel's modules, from source: what reads its documents is written once, there."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from jetson_kit.wheels.device_wheel import SOURCE

PACKAGE = SOURCE / "src"


def module(name: str) -> ModuleType:
    """Return a module of the device side's package, such as "verify.report"."""
    if str(PACKAGE) not in sys.path:
        sys.path.append(str(PACKAGE))
    return importlib.import_module(f"mediapipe_jetson.{name}")
