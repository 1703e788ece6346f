"""What commands are given by options: lists, constraints and indexes that no one has read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

ELSEWHERE = "https://example.org/c.txt"
LIST = {"requirements.txt": "mediapipe\n"}
FOUND = "https://example.org/simple"
DOCKER = "FROM python:3.12\n{}\nRUN pip install mediapipe\n"
# Files, and what is named as not read.
OPEN = {
    "a list at an address": (
        {"a.sh": f"pip install mediapipe==1.2.2\npip install -r {ELSEWHERE}\n"}, ELSEWHERE),
    "a list that is not here": (
        {"a.sh": "pip install mediapipe==1.2.2\npip install -rreqs/jp6.txt\n"}, "a.sh:2"),
    "a list that a command makes": (
        {"a.sh": "pip install mediapipe==1.2.2\npip install -r <(grep x y)\n"}, "a.sh:2"),
    "a list's list at an address": (
        {"requirements.txt": f"-r {ELSEWHERE}\nmediapipe\n"}, ELSEWHERE),
    "a list's constraints at an address": (
        {"requirements.txt": f"-c {ELSEWHERE}\nmediapipe\n"}, ELSEWHERE),
    "constraints at an address": ({"a.sh": f"pip install -c {ELSEWHERE} mediapipe\n"}, ELSEWHERE),
    "constraints that are not here": (
        {"a.sh": "pip install --constraint=/tmp/c.txt mediapipe\n"}, "/tmp/c.txt"),
    "constraints, in a build": (
        {"Dockerfile": "FROM python:3.12\nRUN pip install -c c.txt mediapipe\n"}, "Dockerfile:2"),
    "constraints of a notebook": (
        {"a.ipynb": '{"cells": [{"cell_type": "code", "source": ["!pip install -c c.txt mediapipe"]'
         "}]}"}, "cell 1, line 1"),
    "uv's overrides": ({"a.sh": "uv pip install --override o.txt mediapipe\n"}, "o.txt"),
    "PIP_CONSTRAINT": ({"Dockerfile": DOCKER.format("ENV PIP_CONSTRAINT=/etc/c.txt")}, ":2"),
    "PIP_CONSTRAINT, in the old form": (
        {"Dockerfile": DOCKER.format("ENV PIP_CONSTRAINT /etc/c.txt")}, "/etc/c.txt"),
    "PIP_CONSTRAINT, quoted": (
        {"Dockerfile": DOCKER.format(f'ENV PIP_CONSTRAINT="{ELSEWHERE}"')}, ELSEWHERE),
    "UV_OVERRIDE": ({"a.sh": "export UV_OVERRIDE=o.txt\nuv pip install mediapipe\n"}, "a.sh:1"),
    "PIP_CONSTRAINT of a service": (
        {"compose.yml": "services:\n  a:\n    image: python:3.12\n    environment:\n"
         "      PIP_CONSTRAINT: /c.txt\n", **LIST}, "compose.yml:5"),
    "pip.conf": ({"pip.conf": "[global]\nconstraint = /etc/c.txt\n", **LIST}, "pip.conf:2"),
    "an index for a list": (
        {"a.sh": f"pip3 install --extra-index-url {FOUND} -r requirements.txt\n", **LIST}, FOUND),
    "an index for a list that includes one": (
        {"a.sh": f"pip install -i {FOUND} -r all.txt\n", "requirements-all.txt": "-r a.txt\n",
         "requirements/all.txt": "-r ../requirements.txt\n", **LIST}, FOUND),
    "links for a list": ({"a.sh": "pip install -f wheels/ -r requirements.txt\n", **LIST}, "wheel"),
    "an index for the project": (
        {"a.sh": f"pip install -e '.[gpu]' --index-url={FOUND}\n",
         "setup.py": "from setuptools import setup\nsetup(install_requires=['mediapipe'])\n"},
        FOUND),
    "no index": (
        {"a.sh": "python3.8 -m pip install --no-index -f whl/ -r requirements.txt\n", **LIST},
        "whl/"),
    "no index, in an old image": (
        {"Dockerfile": "FROM python:3.8\nRUN pip install --no-index -f whl/ -r requirements.txt\n",
         **LIST}, "whl/"),
}  # fmt: skip
KNOWN: dict[str, dict[str, str]] = {
    "constraints without MediaPipe": {
        "a.sh": "pip install -c limits.txt mediapipe\n", "limits.txt": "numpy<2\n"},
    "constraints beside a script": {
        "sh/a.sh": "pip install -c sh/limits.txt mediapipe\n", "sh/limits.txt": "numpy<2\n"},
    "constraints that a build copies": {
        "Dockerfile": "FROM python:3.12\nCOPY limits.txt /c/\n"
        "RUN pip install -c /c/limits.txt mediapipe\n", "limits.txt": "numpy<2\n"},
    "constraints that pin a good one": {
        "a.sh": "pip install -c c.txt mediapipe\n", "c.txt": "mediapipe==1.2.2\n"},
    "no constraints": {"Dockerfile": DOCKER.format('ENV PIP_CONSTRAINT=""')},
    "none for one command": {"a.sh": "PIP_CONSTRAINT= pip install mediapipe\n"},
    "lists by a variable": {"a.sh": "for f in *.txt; do pip install -r $f; done\n", **LIST},
    "PyPI by name": {
        "a.sh": "pip install -i https://pypi.org/simple -r requirements.txt\n", **LIST},
    "an index for another list": {
        "a.sh": f"pip install -i {FOUND} -r torch.txt\npip install -r requirements.txt\n",
        "torch.txt": "torch\n", **LIST},
    "conda's channel": {"a.sh": "conda install -c nvidia cuda\npip install mediapipe\n"},
    "another tool's option": {"a.sh": "install -c x y\npip install mediapipe\n"},
    "another machine's": {
        "Dockerfile.amd64": "FROM python:3.12\nRUN pip install -c x.txt -r q.txt\n", **LIST},
}  # fmt: skip


@pytest.mark.parametrize("kind", OPEN)
def test_what_options_name_and_nobody_read_leaves_it_open(tmp_path: Path, kind: str) -> None:
    files, named = OPEN[kind]
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert named in lines(answer)


@pytest.mark.parametrize("kind", KNOWN)
def test_options_that_change_nothing_leave_it_right(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, KNOWN[kind], device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


def test_what_constraints_pin_is_seen_beside_others_that_are_not_here(tmp_path: Path) -> None:
    files = {"a.sh": "pip install -c c.txt -c d.txt mediapipe\n", "c.txt": "mediapipe==0.10.9\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "bad"
    assert "c.txt:1" in lines(answer)
    assert "d.txt" in lines(answer)
