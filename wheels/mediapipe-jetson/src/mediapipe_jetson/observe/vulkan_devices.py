"""Vulkan's devices as its loader lists them: which one LiteRT's accelerator can use, and why none.

The driver is asked in a child process (`probe`), by Vulkan's C interface.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

from mediapipe_jetson import isolated
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.cpu import Cpu

QUESTION = "vulkan:"
KINDS = ("other", "integrated", "discrete", "virtual", "cpu")


@dataclass(frozen=True)
class Device:
    """One device: what its driver says of itself. `lacks` are features that Dawn requires."""

    name: str
    kind: str
    api: tuple[int, int, int]
    driver: int
    vendor: int
    lacks: tuple[str, ...]

    @property
    def software(self) -> bool:
        """Tell whether a CPU stands in for a GPU."""
        return self.kind == "cpu"

    @property
    def why_not(self) -> str:
        """Return why Dawn refuses it, or ""."""
        least = tuple(_table()["vulkan_least"])
        if self.api[:2] < least:
            return f"Vulkan {self.api[0]}.{self.api[1]} is older than {least[0]}.{least[1]}"
        return f"its driver lacks {self.lacks[0]}" if self.lacks else ""

    def line(self) -> str:
        """Return what a person reads."""
        version = ".".join(map(str, self.api))
        refused = f"; refused: {self.why_not}" if self.why_not else ""
        return f"{self.name} ({self.kind}, Vulkan {version}{refused})"


def _table() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / "litert_gpu.json").read_text(encoding="utf-8"))
    return document


@functools.lru_cache(maxsize=1)
def read() -> Union[Absent, tuple[Device, ...]]:
    """Return the devices, asked for once in this process; Absent with the reason where none."""
    answer = isolated.ask([QUESTION])[QUESTION]
    if isinstance(answer, str):
        return Absent(answer)
    required = _table()["vulkan_features"]
    return tuple(
        Device(
            row["name"],
            KINDS[row["kind"]] if row["kind"] < len(KINDS) else KINDS[0],
            (row["api"] >> 22 & 0x7F, row["api"] >> 12 & 0x3FF, row["api"] & 0xFFF),
            row["driver"],
            row["vendor"],
            tuple(name for place, name in required.items() if not row["features"][int(place)]),
        )
        for row in answer["devices"]
    )


def problem(devices: Union[Absent, Sequence[Device]]) -> str:
    """Return why no Vulkan device can be used, with the cure, or ""."""
    if isinstance(devices, Absent):
        if "libvulkan" in devices.reason:
            return f"no Vulkan loader: install libvulkan1 ({devices.reason})"
        return f"Vulkan: {devices.reason}"
    if not devices:
        return (
            "no Vulkan driver: start the container with --runtime nvidia and "
            "NVIDIA_DRIVER_CAPABILITIES=all (or with graphics), so that NVIDIA's is injected"
        )
    if all(device.why_not for device in devices):
        reasons = "; ".join(f"{device.name}: {device.why_not}" for device in devices)
        return f"no Vulkan device that Dawn takes ({reasons}): a newer driver is needed, Mesa 25"
    return ""


def cpu_problem(seen: Union[Absent, Cpu]) -> str:
    """Return why LiteRT's accelerator would end the process on this CPU, or "".

    Its library checks these features when it is loaded, as MediaPipe's does.
    """
    if isinstance(seen, Absent) or seen.arch != "aarch64" or not seen.features:
        return ""
    needs: dict[str, str] = _table()["cpu_needs"]
    missing = [name for feature, name in needs.items() if feature not in seen.features]
    if not missing:
        return ""
    return (
        f"LiteRT's accelerator needs a newer CPU (Orin, Thor): {seen.name} lacks "
        f"{', '.join(missing)}; mediapipe-gpu and litert run here"
    )


def identity() -> list[list[Any]]:
    """Return what tells these devices and drivers from others, as JSON's types."""
    result = read()
    devices = () if isinstance(result, Absent) else result
    return [[device.name, device.vendor, device.driver, list(device.api)] for device in devices]
