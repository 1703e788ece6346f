"""The own cores of an Arm machine: what a MediaPipe needs and they lack."""

from __future__ import annotations

from mediapipe_jetson import diagnosis
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.cpu import read


def unfit(version: str) -> str:
    """Return what this MediaPipe needs and this machine lacks, as words; "" where it can run.

    It can as far as is known where the machine is no Arm machine, or does not tell.
    """
    cpu = read()
    if isinstance(cpu, Absent) or cpu.arch != "aarch64" or not cpu.features:
        return ""
    missing = diagnosis.missing_features(version, cpu.features)
    if not missing:
        return ""
    return (
        f"MediaPipe {version} needs {' and '.join(missing)}, which this machine's {cpu.name} lacks"
    )
