"""Whether a GPU is worth it for the legacy solutions; what MediaPipe's own GPU path can't do."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mediapipe_jetson.backends import first_use
from mediapipe_jetson.backends.base import BackendUnavailableError
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import gpu_nodes, vulkan_devices

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import SubModel

LITERT = "litert-gpu"
MEDIAPIPE = "mediapipe-gpu"


def check_hardware() -> None:
    """Raise BackendUnavailableError where no hardware is behind Vulkan."""
    if not gpu_nodes.there():
        raise BackendUnavailableError("no GPU's device node is here")
    devices = vulkan_devices.read()
    usable = (
        [] if isinstance(devices, Absent) else [device for device in devices if not device.why_not]
    )
    if usable and all(device.software for device in usable):
        raise BackendUnavailableError("a CPU stands in for the Vulkan device")


def check_faster(models: Collection[SubModel]) -> None:
    """Raise BackendUnavailableError unless models are faster on the GPU, by their first use."""
    verdicts = [first_use.known(model, LITERT) for model in models]
    tried = [verdict for verdict in verdicts if verdict is not None]
    on_gpu = sum(verdict.gpu_ms or 0.0 for verdict in tried)
    on_cpu = sum(verdict.cpu_ms or 0.0 for verdict in tried)
    if on_gpu >= on_cpu:
        raise BackendUnavailableError(
            f"its models took {on_gpu:.1f} ms on the GPU and {on_cpu:.1f} ms on the CPU"
        )


def mediapipe_refusal(models: Collection[SubModel]) -> str:
    """Return why MediaPipe's own GPU tasks can't stand in for a graph of these models."""
    others = [model.name for model in models if not model.twins]
    if others:
        return f"MediaPipe's GPU tasks have other weights than {', '.join(others)}"
    return (
        "MediaPipe's GPU tasks have these weights in another graph, which gives other numbers "
        "than the legacy one; use mediapipe.tasks.vision for it"
    )
