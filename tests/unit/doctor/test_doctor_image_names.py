"""Base images by their names and tags, as their publishers build them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import projects

from tests.unit.doctor_scenes import judged, lines

KNOWN = [
    ("dustynv/pytorch:2.1-r36.2.0", "3.10", "36.2.0"),
    ("dustynv/pytorch:2.7-r36.4.0-cu128-24.04", "3.12", "36.4.0"),
    ("dustynv/pytorch:2.6-r36.4-cp311-cu126-22.04", "3.11", "36.4"),
    ("dustynv/l4t-pytorch:r36.4-cp312-cu126-22.04", "3.12", "36.4"),
    ("dustynv/python:3.11-r36.2.0", "3.11", "36.2.0"),
    ("dustynv/jetson-inference:r35.4.1", "3.8", "35.4.1"),
    ("stereolabs/zed:5.0-tools-devel-l4t-r36.4", "3.10", "36.4"),
    ("stereolabs/zed:4.0-devel-l4t-r35.2", "3.8", "35.2"),
    ("stereolabs/zed:4.1-py-devel-jetson-jp6.0.0", "3.10", "36"),
    ("stereolabs/zed:3.8-py-devel-jetson-jp5.1", "3.8", "35"),
    ("stereolabs/zed:3.7-devel-jetson-jp4.6", "3.6", "32"),
    ("ultralytics/ultralytics:latest-jetson", "3.8", "35.2.1"),
    ("ultralytics/ultralytics:8.2.0-jetson", "3.8", "35.2.1"),
    ("ultralytics/ultralytics:latest-jetson-jetpack4", "3.8", "32.7"),
    ("ultralytics/ultralytics:latest-jetson-jetpack6", "3.10", "36"),
    ("nvcr.io/nvidia/pytorch:25.12-py3-igpu", "3.12", ""),
    ("nvcr.io/nvidia/deepstream-l4t:6.1.1-triton", "3.8", "35.1"),
    ("nvcr.io/nvidia/deepstream-l4t:6.4-triton-multiarch", "3.10", "36.2"),
    ("nvcr.io/nvidia/deepstream-l4t:7.0-triton-multiarch", "3.10", "36.3"),
    ("nvcr.io/nvidia/deepstream-l4t:7.1-samples-multiarch", "3.10", "36.4"),
]
UNKNOWN = [
    "nvcr.io/nvidia/pytorch:24.06-py3-igpu",
    "nvcr.io/nvidia/tensorflow:24.06-tf2-py3-igpu",
    "nvcr.io/nvidia/isaac/ros:aarch64-ros2_humble_4c0c55dddd2bbcc3e8d5f9753bee634c",
    "nvcr.io/nvidia/deepstream-l4t:6.1-samples",
    "stereolabs/zed:4.0-runtime-cuda11.8-ubuntu20.04",
    "stereolabs/zed:3.7-devel-jetson-jp5.0.2",
    "ultralytics/ultralytics:latest",
]


@pytest.mark.parametrize(("image", "python", "l4t"), KNOWN)
def test_an_image_by_its_tag(image: str, python: str, l4t: str) -> None:
    known = projects.image(image)
    assert known is not None
    assert (known.python, known.l4t) == (python, l4t)


@pytest.mark.parametrize("image", UNKNOWN)
def test_an_image_whose_tag_does_not_tell_its_python(tmp_path: Path, image: str) -> None:
    assert projects.image(image) is None
    text = f"FROM {image}\nRUN pip install mediapipe==1.2.2\n"
    answer = judged(tmp_path, {"Dockerfile": text}, device="orin")["project-python"]
    assert answer.result.status == "unknown"
    assert f"docker run --rm --entrypoint python3 {image} --version" in lines(answer)
