"""Several containers of a pod, and what one of them starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.kubernetes_objects import INSTALL, LIMITS, asks, pod
from tests.unit.doctor_scenes import plant


def two(first: str, second: str, spec: str = "runtimeClassName: nvidia") -> str:
    """Return a pod of two containers, each by its flow mapping."""
    rows = f"containers:\n  - {first}\n  - {second}\n  {spec}\n"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: one}}\nspec:\n  {rows}"


HIDES = "env: [{name: NVIDIA_VISIBLE_DEVICES, value: none}]"
APP = "{name: a, image: me/a:1}"
LOG = f"{{name: log, image: fluent/fluent-bit, {HIDES}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (two(APP, LOG), {"a of Pod one": "runtime"}),
        (two(LOG, APP), {"a of Pod one": "runtime"}),
        (two(f"{{name: a, image: me/a:1, {HIDES}}}", f"{{name: b, image: me/b:1, {HIDES}}}"),
         {"a of Pod one": "hidden", "b of Pod one": "hidden"}),
        # Without names each is one of its own.
        (two("{image: me/a:1}", f"{{image: me/b:1, {LIMITS}}}", ""), {" of Pod one": "reserved"}),
    ],
)  # fmt: skip
def test_a_container_beside_one_with_the_gpu(
    tmp_path: Path, text: str, expected: dict[str, str]
) -> None:
    assert asks(tmp_path, {"k.yaml": text}) == expected


def test_containers_without_names_are_not_one(tmp_path: Path) -> None:
    text = two("{image: me/a:1}", "{image: me/b:1}")
    scan = Scan(plant(tmp_path, {"k.yaml": text}))
    assert [item.image for item in scan.services] == ["me/a:1", "me/b:1"]


@pytest.mark.parametrize(
    ("text", "pythons"),
    [
        (two(APP, "{name: side, image: 'python:3.7'}"), ["me/a:1"]),
        (two("{name: side, image: 'python:3.7'}", f"{{name: a, image: me/a:1, {LIMITS}}}"),
         ["me/a:1"]),
        (two(f"{{name: side, image: 'python:3.7', {HIDES}}}", APP), ["me/a:1"]),
        (two(APP, "{name: side, image: 'python:3.7', command: [python, app.py]}"),
         ["me/a:1", "python:3.7"]),
        (pod("runtimeClassName: nvidia", HIDES), ["me/app:1"]),
    ],
)  # fmt: skip
def test_whose_python_counts_in_a_pod(tmp_path: Path, text: str, pythons: list[str]) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": text, "app.py": "import mediapipe\n"}))
    assert [item.image for item in scan.images if item.packages] == pythons


@pytest.mark.parametrize(
    "started",
    [
        f"command: [sh, -c, {INSTALL}]",
        f"command: [sh, -c]\n        args: [{INSTALL}]",
        f"command: [bash]\n        args: [-lc, '{INSTALL} && python app.py']",
        f"args: [-c, {INSTALL}]",
        f"args: [{INSTALL}]",
        "command: [pip]\n        args: [install, mediapipe==0.9.0]",
    ],
)
def test_a_command_is_read_with_its_arguments(tmp_path: Path, started: str) -> None:
    scan = Scan(plant(tmp_path, {"k.yaml": pod("", started)}))
    assert [(item.name, item.specifier) for item in scan.requirements] == [("mediapipe", "==0.9.0")]
    assert not scan.unread
