"""Which Python an image brings: by its name, by the tools and files that ask for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines


@pytest.mark.parametrize(
    ("name", "text", "status", "cure"),
    [
        ("pyproject.toml", '[project]\nrequires-python = ">=3.7"\n', "ok", ""),
        (
            "pyproject.toml",
            '[project]\nrequires-python = ">=3.7,<3.9"\n',
            "bad",
            'pyproject.toml:2: write requires-python = ">=3.9"',
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "~3.8"\n',
            "bad",
            'pyproject.toml:2: write python = ">=3.9"',
        ),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\n', "ok", ""),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.8 || ~3.10"\n', "ok", ""),
        ("Pipfile", '[requires]\npython_version = "3.8"\n', "bad", 'write python_version = "3.11"'),
        (".python-version", "3.8.18\n", "bad", ".python-version:1: write 3.11"),
        ("runtime.txt", "python-3.8.10\n", "bad", "runtime.txt:1: write python-3.11"),
        (
            ".tool-versions",
            "nodejs 20\npython 3.8.1\n",
            "bad",
            ".tool-versions:2: write python 3.11",
        ),
        ("setup.py", "setup(python_requires='<3.9')\n", "bad", "setup.py:1: write python_requires"),
        ("setup.cfg", "[options]\npython_requires = ==3.8.*\n", "bad", "setup.cfg:2"),
        ("environment.yml", "dependencies:\n  - python>=3.8,<3.9\n", "bad", "write python=3.11"),
        ("environment.yml", "dependencies:\n  - python=3.10\n", "ok", ""),
        ("environment.yml", "dependencies:\n  - conda-forge::python=3.8.*\n", "bad", "python=3.11"),
        ("environment.yml", "dependencies:\n  - python==3.15.0\n", "bad", "python=3.11"),
        ("poetry.lock", '[metadata]\npython-versions = "~3.8"\n', "bad", "lock anew"),
        ("uv.lock", 'requires-python = "==3.8.*"\n', "bad", "lock anew"),
        ("pyproject.toml", '[project]\nrequires-python = "new"\n', "unknown", ""),
    ],
)
def test_pythons_that_are_asked_for(
    tmp_path: Path, name: str, text: str, status: str, cure: str
) -> None:
    answer = judged(tmp_path, {name: text})["project-python"]
    assert answer.result.status == status, lines(answer)
    assert cure in lines(answer)


@pytest.mark.parametrize(
    ("files", "place", "cure"),
    [
        (
            {"pyproject.toml": '[tool.hatch.envs.default]\npython = "3.8"\n'},
            "pyproject.toml:2",
            'write python = "3.11"',
        ),
        (
            {
                ".devcontainer/devcontainer.json": '{"build": {"dockerfile": "Dockerfile", '
                '"args": {"V": "3.8"}}, "postCreateCommand": "pip install mediapipe"}',
                ".devcontainer/Dockerfile": "ARG V=3.11\nFROM python:${V}\n",
            },
            ".devcontainer/Dockerfile:2",
            "take an image with Python 3.11",
        ),
        (
            {
                ".devcontainer/devcontainer.json": '{"dockerFile": "../Dockerfile"}',
                "Dockerfile": "FROM ubuntu:20.04\n",
            },
            "Dockerfile:1",
            "take an image with Python 3.11",
        ),
    ],
)
def test_environments_of_tools_name_a_python(
    files: dict[str, str], place: str, cure: str, tmp_path: Path
) -> None:
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert [item.place() for item in answer.result.findings] == [place]
    assert cure in answer.cure


UV_SYNC = "FROM %s\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/\nCOPY . .\nRUN %s\n"


@pytest.mark.parametrize(
    ("image", "command", "needs", "status"),
    [
        ("python:3.11-slim", "uv sync --frozen", ">=3.10", "ok"),
        ("python:3.11-slim", "uv venv && uv pip install mediapipe", "", "ok"),
        ("dustynv/l4t-pytorch:r36.4.0", "uv venv --system-site-packages", ">=3.9,<3.12", "ok"),
        # That image has no Python: uv fetches one.
        ("ubuntu:20.04", "uv sync", "", "unknown"),
        ("ubuntu:20.04", "uv run app.py", ">=3.8", "unknown"),
        ("nvidia/cuda:11.4.3-base-ubuntu20.04", "uv sync", "", "unknown"),
        ("node:16-buster-slim", "uv sync", "", "unknown"),
        ("ubuntu:20.04", "apt-get install -y python3 && uv sync", "", "bad"),
        ("ubuntu:20.04\nRUN apt-get -y install git python3", "uv sync", ">=3.8", "bad"),
        ("nvcr.io/nvidia/l4t-base:35.4.1", "uv sync", "", "bad"),
        ("python:3.8", "uv sync", "", "bad"),
        # uv fetches a later one.
        ("ubuntu:20.04", "uv sync", ">=3.10", "unknown"),
        ("ubuntu:20.04", "uv venv --python 3.11", "", "ok"),
        ("ubuntu:20.04", "uv sync -p 3.12 --frozen", "", "ok"),
        ("ubuntu:20.04", "uv python install --preview 3.12 && uv sync", "", "ok"),
        ("ubuntu:20.04\nENV UV_PYTHON=3.12", "uv sync", "", "ok"),
        ("python:3.11", "uv venv --python 3.8", "", "bad"),
        ("mycompany/base:7", "uv sync", "", "unknown"),
        ("python:3.8", 'uv venv --python "3.11"', "", "ok"),
        ("python:3.8", "uv venv -p cpython-3.11", "", "ok"),
        ("python:3.8", "uv venv -p python3.11", "", "ok"),
        ("python:3.8", "uv venv --python=cpython@3.11.9", "", "ok"),
        ("python:3.8", "uv --quiet venv -p3.11", "", "ok"),
        ("python:3.8\nARG V=3.11", "uv venv --python $V", "", "ok"),
        ("python:3.8\nARG V=3.11", "uv sync --python ${V}", "", "ok"),
        ("python:3.8", "uv venv --python ${V:-3.11}", "", "ok"),
        ("python:3.8", "uv venv --python $V", "", "unknown"),
        ("python:3.8", '["uv", "venv", "--python", "3.11"]', "", "ok"),
        ("python:3.8", "sh -c 'uv venv --python 3.11'", "", "ok"),
        ("python:3.8", "<<EOF\nuv venv -p 3.11\nEOF", "", "ok"),
        ("x", "apt-get install -y git && conda create -n a python=3.8", "", "bad"),
        ("python:3.8", "uv python install cpython-3.11 && uv sync", "", "ok"),
        ("python:3.8", "uv python install --preview '3.11' && uv sync", "", "ok"),
        ("python:3.8", "uv python install 3.11 3.8 && uv sync", "", "unknown"),
        ("python:3.8", "uv python pin 3.11 && uv sync", "", "ok"),
        ("python:3.8", "uv venv --python '>=3.9'", "", "unknown"),
        ("python:3.8", "uv venv --python pypy", "", "unknown"),
        ('python:3.8\nENV UV_PYTHON="3.11"', "uv sync", "", "ok"),
        ("python:3.8\nENV A=b UV_PYTHON=python3.11", "uv sync", "", "ok"),
        ("python:3.8\nENV UV_PYTHON python3.11", "uv sync", "", "ok"),
        ("python:3.8", "UV_PYTHON=3.11 uv sync", "", "ok"),
        ("python:3.8\nENV UV_PYTHON=/opt/mine", "uv sync", "", "unknown"),
        ("python:3.8\nENV UV_PYTHON_PREFERENCE=only-managed", "uv sync", "", "unknown"),
        ("python:3.8", "uv sync --managed-python", "", "unknown"),
        ("python:3.11", "uv venv -p cpython-3.8", "", "bad"),
    ],
)
def test_uv_takes_the_python_of_an_image(
    image: str, command: str, needs: str, status: str, tmp_path: Path
) -> None:
    files = {"Dockerfile": UV_SYNC % (image, command), "app.py": "import mediapipe\n"}
    line = f"requires-python = '{needs}'\n" if needs else ""
    files["pyproject.toml"] = f"[project]\nname = 'a'\n{line}dependencies = ['mediapipe==1.2.2']\n"
    answer = judged(tmp_path, files, device="orin")["project-python"]
    shown = "bad" if answer.bad else answer.result.status
    assert shown == status, lines(answer)


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("continuumio/miniconda3", "conda env create -f environment.yml"),
        ("condaforge/mambaforge:latest", "mamba env update -n base -f environment.yml"),
        ("mambaorg/micromamba:1.5.8", "micromamba create -y -f environment.yml"),
        ("mambaorg/micromamba", "micromamba install -y -n base --file environment.yml"),
        ("ubuntu:20.04", "wget Miniconda3.sh && bash Miniconda3.sh && conda env create -f e.yml"),
    ],
)
def test_a_file_of_condas_says_the_python_of_an_image(
    image: str, command: str, tmp_path: Path
) -> None:
    docker = f"FROM {image}\nCOPY . .\nRUN {command}\n"
    text = "name: a\ndependencies:\n- python=%s\n- pip:\n  - mediapipe==1.2.2\n"
    for python, status in (("3.11", "ok"), ("3.8", "bad")):
        files = {"Dockerfile": docker, "environment.yml": text % python}
        answer = judged(tmp_path / python, files, device="orin")["project-python"]
        assert ("bad" if answer.bad else answer.result.status) == status, lines(answer)
    without = judged(tmp_path / "0", {"Dockerfile": docker}, device="orin")["project-python"]
    assert "which Python is installed" in lines(without)


@pytest.mark.parametrize(
    "files",
    [
        {"web/Dockerfile": "FROM node:16-buster\nRUN npm install @mediapipe/hands\n"},
        {
            "Dockerfile": "FROM golang:1.17-buster AS b\nRUN go build mediapipe-proxy\n"
            "FROM python:3.11-slim\nCOPY --from=b /mediapipe-proxy /\nRUN pip install mediapipe\n"
        },
        {"Dockerfile": "FROM rust:1-buster\nCOPY mediapipe /src\nRUN cargo build\n"},
        {"Dockerfile": "FROM php:7-buster\nRUN ./set.sh\n", "set.sh": "apt install mediapipe\n"},
    ],
)
def test_images_for_other_languages_bring_no_python_by_a_name(
    files: dict[str, str], tmp_path: Path
) -> None:
    answer = judged(tmp_path, {**files, "app.py": "import mediapipe\n"})["project-python"]
    assert not answer.bad, lines(answer)
    assert "Python 3.7" not in lines(answer)
