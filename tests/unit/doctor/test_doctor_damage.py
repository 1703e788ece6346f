"""Damaged files of a project: whatever is in them, the doctor reads on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from mediapipe_jetson.doctor import causes
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor.delegates import DELEGATES, HEAD
from tests.unit.doctor_scenes import scene

FILES = {
    "app.py": HEAD + "\n".join(code for _, code, _ in DELEGATES[:40]),
    "uv.lock": '[[package]]\nname = "mediapipe"\nversion = "0.10.21"\n'
    'source = { registry = "https://example.org" }\ndependencies = [{ name = "numpy" }]\n',
    "poetry.lock": '[[package]]\nname = "mediapipe"\nversion = "1.2.2"\n'
    '[package.dependencies]\nx = "*"\n',
    "Pipfile.lock": '{"_meta": {"requires": {"python_version": "3.8"}},'
    ' "default": {"mediapipe": {"version": "==1.2.2"}}}',
    "Pipfile": '[packages]\nmediapipe = {version = "==0.10.9"}\n'
    '[requires]\npython_version = "3.8"\n',
    "pyproject.toml": '[project]\nrequires-python = ">=3.8"\ndependencies = ["mediapipe<1"]\n',
    "environment.yml": "dependencies:\n  - python=3.8\n  - pip:\n    - mediapipe==0.10.9\n",
    "conda-lock.yml": "package:\n- {name: mediapipe, version: 1.0, platform: linux-64}\n",
    "compose.yml": "x: &a {runtime: nvidia}\nservices:\n"
    "  a: {<<: *a, extends: b}\n  b: {gpus: all}\n",
    "Dockerfile": "ARG B=ubuntu:20.04\nFROM $B AS a\n"
    "RUN pip install \\\n mediapipe==0.10.9\nFROM a\n",
    "requirements.txt": "-r other.txt\nmediapipe==0.10.9 ; python_version < '3.9' \\\n --hash=x\n",
    "a.ipynb": '{"cells": [{"cell_type": "code",'
    ' "source": ["!pip install mediapipe\\n", "import mediapipe"]}]}',
    "setup.cfg": "[options]\npython_requires = >=3.8\ninstall_requires =\n  mediapipe<1\n",
    "run.sh": "docker run --gpus all 'image' && pip install mediapipe==0.10.9\n",
    "runtime.txt": "python-3.8.10\n",
}


def damaged(text: str, chance: random.Random) -> bytes:
    """Return a file cut, repeated, mixed or sprinkled with bytes."""
    content = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        end = min(len(content), at + chance.randint(0, 40))
        kind = chance.randrange(5)
        if kind == 0:
            del content[at:end]
        elif kind == 1:
            content[at:at] = content[at:end]
        elif kind == 2:
            content[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
        elif kind == 3:
            content[at:at] = chance.choice(
                [b"[", b"{", b"\x00", b"\n", b'"', b"&a", b"*a", b": ", b"\xff"]
            )
        else:
            content[at:at] = chance.choice([b"null", b"1e999", b"[]", b"~", b"'''", b"${", b"\\\n"])
    return bytes(content)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_raised(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 # a repeatable choice
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(damaged(text, chance))
    here = scene(tmp_path / "root", "orin", code=tmp_path)
    for item in causes.examine(here):
        assert "the check failed" not in item.result.evidence[0], (item.cause.id, item.result)


@pytest.mark.parametrize("name", sorted(FILES))
def test_wrong_shapes_are_not_read_or_hold_nothing(tmp_path: Path, name: str) -> None:
    """A list where a table is expected, a number where a text is: told, never raised."""
    shapes = [
        "[]",
        "{}",
        "1",
        "null",
        '"x"',
        "[[1]]",
        '{"package": 1}',
        "package = 1",
        "services: 1",
    ]
    shapes += ["dependencies: {a: 1}", "services: {a: [1]}", "services: {a: {extends: [1]}}", ""]
    shapes += [
        "[project]\ndependencies = 1\n",
        "[[package]]\nname = 1\n",
        "package: [1, {name: [1]}]",
    ]
    for shape in shapes:
        (tmp_path / name).write_text(shape)
        Scan(tmp_path)
