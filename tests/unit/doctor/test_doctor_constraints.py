"""What a constraints file pins is what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

PIN = {"constraints.txt": "mediapipe==0.10.18\nnumpy<2\n"}
LIST = {"requirements.txt": "mediapipe\nnumpy\n"}
COVERED = {
    "a list's own": {**PIN, "requirements.txt": "-c constraints.txt\nmediapipe\n"},
    "a list and its command": {
        **PIN, **LIST, "i.sh": "pip install -r requirements.txt -c constraints.txt\n"},
    "every command of a list": {
        **PIN, **LIST,
        "i.sh": "pip install --constraint=constraints.txt -r requirements.txt\n",
        "Dockerfile": "FROM python:3.11\n"
        "RUN pip install -r /a/requirements.txt -c /a/constraints.txt\n",
    },
    "a command": {**PIN, "i.sh": "pip install -c constraints.txt \\\n  mediapipe\n"},
    "a variable": {
        **PIN,
        "Dockerfile": "FROM python:3.11\nENV PIP_CONSTRAINT=/a/constraints.txt\n"
        "RUN pip install mediapipe\n",
    },
}  # fmt: skip
NOT = {
    "nowhere": {**PIN, **LIST},
    "one command of two": {
        **PIN, **LIST,
        "i.sh": "pip install -r requirements.txt -c constraints.txt\n",
        "j.sh": "pip install -r requirements.txt\n",
    },
    "another command": {
        **PIN, "i.sh": "pip install -c constraints.txt numpy\npip install -U mediapipe\n"},
    "a channel": {**PIN, "i.sh": "conda install -c conda-forge mediapipe\n"},
    "another version": {**PIN, "i.sh": "pip install -c constraints.txt 'mediapipe>=1'\n"},
    "no version": {
        "constraints.txt": "mediapipe>=0.10\n", "i.sh": "pip install -c constraints.txt mediapipe\n"
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", COVERED)
def test_a_pin_of_constraints_is_what_is_installed(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, COVERED[kind], device="nano")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)
    assert "constraints.txt:1: mediapipe==0.10.18" in lines(answer)


@pytest.mark.parametrize("kind", NOT)
def test_constraints_that_are_not_given(tmp_path: Path, kind: str) -> None:
    answer = judged(tmp_path, NOT[kind], device="nano")["old-requirement"]
    assert answer.result.status == ("unknown" if kind == "a channel" else "bad"), lines(answer)
