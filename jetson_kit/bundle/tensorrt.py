"""TensorRT for a PC: TensorRT-RTX, which builds engines on the card itself, and the ONNX files.

Source: NVIDIA's documentation of TensorRT-RTX (cards of SM 7.5 to 12.1 but 9.0, x86_64).
"""

from __future__ import annotations

from collections.abc import Iterator

from jetson_kit.bundle import packages, payload
from jetson_kit.bundle.groups import Group
from jetson_kit.bundle.payload import Member
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.tensorrt import sources

LOCK = ROOT / "requirements" / "bundle-tensorrt.txt"
ARCH = "amd64"
STEM = "tensorrt"
TASKS = ("face", "hand", "pose")
# CUDA's bindings have no wheel for the older one.
WITHOUT = ("3.9",)


def group(arch: str, pythons: tuple[str, ...], glibc: tuple[int, int]) -> Group:
    """Return the group. Raises, as it is read, what packages.wheels and sources.prepare raise."""
    fitting = (python for python in pythons if python not in WITHOUT)
    sites = ((python, _site(python, arch, glibc)) for python in fitting)
    return Group(STEM, _onnx(), sites)


def _site(python: str, arch: str, glibc: tuple[int, int]) -> Iterator[tuple[str, Iterator[Member]]]:
    for wheel in packages.wheels(python, arch, glibc, LOCK):
        yield wheel.name, payload.of_wheel(wheel, "site/")


def _onnx() -> Iterator[Member]:
    """Yield the ONNX files, what TFLite gives for each, and their manifest."""
    folder = sources.prepare(Progress(quiet=True), TASKS)
    for path in sorted(folder.iterdir()):
        yield payload.of_bytes(f"engines/{path.name}", path.read_bytes())
