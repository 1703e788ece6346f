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


TOP = {"app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
FRIEND = "FROM python:3.8-slim\nWORKDIR /app\n%s\nCMD python app.py\n"
TAKEN = FRIEND % "COPY . .\nRUN pip install -r requirements.txt"


@pytest.mark.parametrize(
    "beside",
    [
        {
            "scripts/install.sh": "python3.8 -m venv .venv && .venv/bin/pip install -r ../r.txt\n",
            "scripts/download.py": "",
        },
        {"scripts/env.sh": "conda create -n x python=3.8\n", "scripts/plot.py": ""},
        {
            "conda/environment.yml": (
                "dependencies:\n- python=3.8\n- pip:\n  - -r ../requirements.txt\n"
            )
        },
        {
            ".devcontainer/devcontainer.json": (
                '{"build": {"dockerfile": "Dockerfile"}, "postCreateCommand":'
                ' "pip install -r requirements.txt"}'
            ),
            ".devcontainer/Dockerfile": "FROM python:3.8-slim\nRUN pip install -U pip\n",
            ".devcontainer/requirements-dev.txt": "pytest\n",
            ".devcontainer/post.py": "",
        },
        {"docker/Dockerfile": TAKEN, "docker/healthcheck.py": ""},
        {"deploy/Dockerfile": TAKEN, "deploy/run.py": "", "deploy/requirements.txt": "flask\n"},
        {
            "docker/Dockerfile": FRIEND
            % "COPY require*.txt .\nRUN pip install -r requirements.txt",
            "docker/check.py": "",
            "docker/requirements-dev.txt": "flask\n",
        },
        {
            "docker/Dockerfile": FRIEND % "COPY /requirements.txt .\nRUN pip install -r *.txt",
            "docker/check.py": "",
            "docker/requirements-dev.txt": "flask\n",
        },
        {
            "docker/Dockerfile": FRIEND % "COPY --from=ml . .\nRUN pip install -r r.txt",
            "docker/check.py": "",
            "docker/requirements-dev.txt": "flask\n",
            "compose.yml": (
                "services:\n  a:\n    build: {context: docker, additional_contexts: {ml: .}}\n"
            ),
        },
        {
            "docker/Dockerfile": FRIEND % f"COPY {'x' * 300} .\nRUN pip install -r r.txt",
            "docker/check.py": "",
            "docker/requirements-dev.txt": "flask\n",
        },
    ],
)
def test_what_may_be_for_the_whole_project_is_for_it(
    beside: dict[str, str], tmp_path: Path
) -> None:
    answer = judged(tmp_path, {**TOP, **beside}, device="orin")["project-python"]
    assert answer.bad, lines(answer)


def test_an_environment_without_a_python_is_judged_by_no_other_ones(tmp_path: Path) -> None:
    files = {
        "edge/app.py": "import mediapipe\n",
        "edge/.python-version": "3.11\n",
        "edge/env.yml": "dependencies:\n- pip:\n  - mediapipe==1.2.2\n",
        "edge/Dockerfile": (
            "FROM continuumio/miniconda3\nCOPY . .\nRUN conda env create -f env.yml\n"
        ),
        "cloud/environment.yml": "dependencies:\n- python=3.11\n",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "unknown", lines(answer)


def test_without_mediapipe_all_pythons_count(tmp_path: Path) -> None:
    answer = judged(tmp_path, {**CLOUD, "cloud/Dockerfile": OLD})["project-python"]
    assert answer.bad


MAKE = (
    "from mediapipe.tasks.python import BaseOptions, vision as v\n"
    "def make(gpu=True):\n"
    "    d = BaseOptions.Delegate.GPU if gpu else BaseOptions.Delegate.CPU\n"
    "    base = BaseOptions(model_asset_path='m', delegate=d)\n"
    "    return v.HandLandmarker.create_from_options(v.HandLandmarkerOptions(base_options=base))\n"
)


@pytest.mark.parametrize(
    ("module", "beside", "caller"),
    [
        ("packages/cam/src/cam/det.py", "packages/cam/pyproject.toml", "packages/app/src/run.py"),
        ("packages/cam/cam/det.py", "packages/cam/setup.py", "packages/app/run.py"),
        ("ws/src/cam/cam/det.py", "ws/src/cam/package.xml", "ws/src/app/app/node.py"),
        ("src/cam/src/cam/det.py", "src/cam/package.xml", "src/app/scripts/node.py"),
        ("libs/cam-py/src/cam/det.py", "libs/cam-py/setup.cfg", "apps/a/b/c/run.py"),
    ],
)
def test_packages_of_a_project_import_each_other(
    module: str, beside: str, caller: str, tmp_path: Path
) -> None:
    text = "[project]\nname = 'cam'\n" if beside.endswith("toml") else ""
    for name, call, status in (("gpu", "make()", "ok"), ("cpu", "make(gpu=False)", "bad")):
        files = {module: MAKE, beside: text, caller: f"from cam.det import make\n{call}\n"}
        result = judged(tmp_path / name, files, device="orin")
        answer = result["gpu-not-requested"]
        assert answer.bad is (status == "bad"), lines(answer)
        assert answer.result.status != "unknown"
        assert "looked into" not in lines(result["legacy-api"])


def test_what_is_nearer_is_meant(tmp_path: Path) -> None:
    files = {
        **EDGE,
        "edge/utils.py": "import mediapipe\n",
        "edge/setup.py": "",
        "cloud/utils.py": "",
        "cloud/main.py": "import utils\n",
        "cloud/Dockerfile": OLD,
        "cloud/requirements.txt": "flask\n",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "ok", lines(answer)


LISTS = {
    "requirements.txt": "mediapipe==0.10.21\n",
    "requirements-jetson.txt": "mediapipe==1.2.2\n",
}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, "unknown"),
        (
            {"Dockerfile": "FROM python:3.11\nRUN pip install -r requirements-jetson.txt\n"},
            "unknown",
        ),
        ({"README.md": "pip install -r requirements.txt\n"}, "bad"),
        ({"README.md": "`pip3 install --requirement=./requirements.txt`\n"}, "bad"),
        ({"README.md": "See requirements.txt. pip install -r x/requirements.txt.old\n"}, "unknown"),
        (
            {
                "README.md": "pip install -r requirements.txt\n",
                "docs/jetson.md": "pip install -r requirements-jetson.txt\n",
            },
            "unknown",
        ),
        ({"Dockerfile": "FROM python:3.11\nRUN pip install -r requirements.txt\n"}, "bad"),
        ({"install.sh": "pip3 install -r ./requirements.txt\n"}, "bad"),
        ({"requirements-jetson.txt": "-r requirements.txt\nmediapipe==1.2.2\n"}, "bad"),
        ({"requirements-jetson.txt": "numpy\n"}, "bad"),
        ({"requirements-dev.txt": "pytest\n", "requirements-jetson.txt": "x\n"}, "bad"),
    ],
)
def test_a_list_beside_one_for_boards(tmp_path: Path, more: dict[str, str], status: str) -> None:
    answer = judged(tmp_path, {**LISTS, **more}, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)
    assert "requirements.txt:" in lines(answer)
