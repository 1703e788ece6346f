"""The Python of a project: what its files ask for, and what wheels and pins there are for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import pins
from mediapipe_jetson.doctor.files import requirements
from mediapipe_jetson.doctor.pins import Board
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, lines, plant


@pytest.mark.parametrize(
    ("text", "python", "right"),
    [
        ("mediapipe==1.0.1", "3.12", True),
        ("mediapipe==1.0.1", "3.13", False),
        ("mediapipe>=1.0.1", "3.13", True),
        ("mediapipe==1.2.2", "3.15", False),
        ("mediapipe==1.2.2", "", True),
    ],
)
def test_wheels_are_for_certain_pythons(text: str, python: str, right: bool) -> None:
    item = requirements.parse_requirement(text, "requirements.txt", 1)
    assert item is not None
    assert (pins.judge(item, Board(old_cpu=False, python=python)) is None) is right


@pytest.mark.parametrize(
    ("name", "text", "specifier", "line"),
    [
        ("pixi.toml", '[dependencies]\npython = "3.8.*"\n', "==3.8.*", 2),
        ("pixi.toml", '[feature.old.dependencies]\npython = ">=3.8,<3.9"\n', ">=3.8,<3.9", 2),
        (
            "pixi.lock",
            "packages:\n- conda: https://x/conda-forge/linux-aarch64/python-3.8.18-h1_0.conda\n",
            "==3.8.18",
            2,
        ),
        (
            "conda-lock.yml",
            "package:\n- name: python\n  version: 3.8.18\n  manager: conda\n",
            "==3.8.18",
            3,
        ),
        ("app.py", "# /// script\n# requires-python = '==3.8.*'\n# ///\n", "==3.8.*", 2),
    ],
)
def test_pythons_in_files(tmp_path: Path, name: str, text: str, specifier: str, line: int) -> None:
    plant(tmp_path, {name: text})
    scan = Scan(tmp_path)
    assert [(pin.specifier, pin.line) for pin in scan.pythons] == [(specifier, line)]
    assert not scan.unread


@pytest.mark.parametrize(
    ("wheel", "python"),
    [
        ("mediapipe-0.8.9_cuda102-cp36-cp36m-linux_aarch64.whl", "3.6"),
        ("https://example.org/mediapipe-0.10.3-cp38-cp38-linux_aarch64.whl", "3.8"),
        ("mediapipe-0.8.5_cuda102-cp36-none-linux_aarch64.whl", "3.6"),
        ("mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl", ""),
        ("mediapipe-0.10.9-cp38-cp38-manylinux_2_17_x86_64.whl", ""),
        ("torch-1.10.0-cp36-cp36m-linux_aarch64.whl", ""),
    ],
)
def test_a_wheel_for_one_python_tells_it(wheel: str, python: str, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"a.sh": f"pip3 install {wheel}\n"})["project-python"]
    assert answer.result.status == "unknown"
    assert (f"{wheel} is for Python {python} alone" in lines(answer)) is bool(python)


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": "FROM python:3.8\nRUN pip install mediapipe\n"},
        {"Dockerfile": "FROM dustynv/l4t-pytorch:r35.4.1\nRUN pip3 install 'mediapipe>=0.10'\n"},
        {".python-version": "3.8.10\n", "requirements.txt": "mediapipe\n"},
        {"environment.yml": "dependencies:\n- python=3.8\n- pip:\n  - mediapipe>=1.0.1\n"},
        {"Pipfile": "[packages]\nmediapipe = '*'\n[requires]\npython_version = '3.8'\n"},
    ],
)
def test_no_wheel_is_right_on_a_python_without_one(tmp_path: Path, files: dict[str, str]) -> None:
    scan = Scan(plant(tmp_path, files))
    here = Board(old_cpu=None, obstacle="x:1")
    problem = next(filter(None, (pins.judge(item, here) for item in scan.requirements)))
    assert problem.known
    assert "on that Python pip takes a wheel that fails on import" in problem.what


def test_a_command_may_name_a_later_python_than_the_project(tmp_path: Path) -> None:
    plant(tmp_path, {"a.sh": "python3.11 -m pip install mediapipe==1.2.2\n"})
    (item,) = Scan(tmp_path).requirements
    assert pins.judge(item, Board(old_cpu=False, obstacle="Dockerfile:1")) is None
