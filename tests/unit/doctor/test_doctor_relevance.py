"""Pythons and images count where MediaPipe is, not in a service beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

EDGE = {
    "edge/app.py": "import mediapipe\n",
    "edge/requirements.txt": "mediapipe==1.2.2\n",
    "edge/Dockerfile": "FROM ubuntu:22.04\nCOPY . .\nRUN pip3 install -r requirements.txt\n",
}
OLD = "FROM python:3.8-slim\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
CLOUD = {"cloud/main.py": "import flask\n", "cloud/requirements.txt": "flask\n"}
COMPOSED = "services:\n  a: {build: %s}\n"


@pytest.mark.parametrize(
    "beside",
    [
        {"cloud/Dockerfile": OLD},
        {"cloud/Dockerfile": OLD, "compose.yml": COMPOSED % "./cloud"},
        {"cloud/Dockerfile": OLD, "compose.yml": COMPOSED % "{context: cloud}"},
        {"deploy/Dockerfile.web": OLD, "up.sh": "docker build -f deploy/Dockerfile.web cloud\n"},
        {"cloud/.python-version": "3.8.10\n"},
        {"cloud/pyproject.toml": "[project]\nname = 'c'\nrequires-python = '>=3.7,<3.9'\n"},
        {"cloud/environment.yml": "dependencies:\n- python=3.8\n- flask\n"},
        {"cloud/setup.sh": "python3.8 -m venv .venv\n"},
    ],
)
def test_a_python_beside_mediapipe_is_no_cause(beside: dict[str, str], tmp_path: Path) -> None:
    result = judged(tmp_path, {**EDGE, **CLOUD, **beside}, device="orin")
    for cause in ("project-python", "old-requirement"):
        assert result[cause].result.status == "ok", lines(result[cause])


@pytest.mark.parametrize(
    "beside",
    [
        # Built with the whole project, or with MediaPipe's part of it.
        {
            "cloud/Dockerfile": OLD,
            "compose.yml": COMPOSED % "{context: ., dockerfile: cloud/Dockerfile}",
        },
        {"docker/Dockerfile": OLD},
        {
            "docker/Dockerfile": OLD,
            "README.md": "```\ndocker build -f docker/Dockerfile edge\n```\n",
        },
        {"cloud/Dockerfile": "FROM python:3.8\nCOPY edge /edge\nRUN pip install -r /edge/r.txt\n"},
        {"cloud/Dockerfile": f"{OLD}RUN pip install mediapipe\n"},
        # Of all of the project.
        {".python-version": "3.8.10\n"},
        {"tools/install.sh": "python3.8 -m venv .venv\n"},
        # What is below it is MediaPipe's, or a package that uses it inside.
        {"cloud/Dockerfile": OLD, "cloud/face.py": "import mediapipe\n"},
        {"cloud/Dockerfile": OLD, "cloud/requirements.txt": "cvzone==1.6.1\n"},
        {
            "cloud/Dockerfile": OLD,
            "cloud/call.py": "from edge import app\n",
            "edge/__init__.py": "",
        },
    ],
)
def test_a_python_that_mediapipe_may_run_on_is_one(beside: dict[str, str], tmp_path: Path) -> None:
    answer = judged(tmp_path, {**EDGE, **CLOUD, **beside}, device="orin")["project-python"]
    assert answer.bad, lines(answer)


def test_without_mediapipe_all_pythons_count(tmp_path: Path) -> None:
    answer = judged(tmp_path, {**CLOUD, "cloud/Dockerfile": OLD})["project-python"]
    assert answer.bad
