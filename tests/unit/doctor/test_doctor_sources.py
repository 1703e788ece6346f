"""Where a project's wheels come from: indexes, tables of its settings, files and their tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.doctor_scenes import judged, lines

HEAD = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.10"\n'
ASKS = f'{HEAD}dependencies = ["mediapipe>=1.2"]\n'
INDEX = "https://wheels.example/jp6"
# The one that tools take by themselves, written out.
PYPI = "https://" + ".".join(("pypi", "org")) + "/simple"


def told(tmp_path: Path, files: dict[str, str], **given: Any) -> tuple[str, str]:
    """Return the status and the words on the wheels that a project asks for."""
    answer = judged(tmp_path, files, **{"device": "orin", **given})["old-requirement"]
    return answer.result.status, lines(answer)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": f'{ASKS}[tool.uv.sources]\nmediapipe = {{ index = "jp" }}\n'},
        {
            "pyproject.toml": f"{ASKS}[tool.uv.sources]\n"
            "mediapipe = [{ git = 'https://git.example/m', marker = \"os_name == 'posix'\" }]\n"
        },
        {"pyproject.toml": f'{ASKS}[tool.uv]\nextra-index-url = ["{INDEX}"]\n'},
        {"pyproject.toml": f'{ASKS}[[tool.uv.index]]\nname = "jp"\nurl = "{INDEX}"\n'},
        {"pyproject.toml": f'{ASKS}[[tool.poetry.source]]\nname = "jp"\nurl = "{INDEX}"\n'},
        {"pyproject.toml": f'{ASKS}[[tool.pdm.source]]\nname = "jp"\nurl = "{INDEX}"\n'},
        {
            "Pipfile": f'[[source]]\nurl = "{INDEX}"\nname = "jp"\n'
            '[packages]\nmediapipe = "==1.2.2"\n'
        },
        {
            "pip.conf": f"[global]\nextra-index-url = {INDEX}\n",
            "requirements.txt": "mediapipe==1.2.2\n",
        },
        {"uv.toml": f'[[index]]\nurl = "{INDEX}"\n', "requirements.txt": "mediapipe==1.2.2\n"},
        {
            "Dockerfile": f"FROM python:3.11\nENV A=1 \\\n  PIP_EXTRA_INDEX_URL={INDEX}\n"
            "RUN pip install mediapipe==1.2.2\n"
        },
        {"run.sh": f"export UV_INDEX_URL={INDEX}\nuv pip install mediapipe==1.2.2\n"},
        {
            "compose.yml": "services:\n  a:\n    build: .\n    environment:\n"
            f"      PIP_INDEX_URL: {INDEX}\n",
            "requirements.txt": "mediapipe==1.2.2\n",
        },
    ],
)
def test_what_comes_from_another_index_is_not_known(files: dict[str, str], tmp_path: Path) -> None:
    status, words = told(tmp_path, files)
    assert status == "unknown", words
    assert "jp" in words or "git.example" in words


@pytest.mark.parametrize(
    "files",
    [
        {
            "pyproject.toml": f"{ASKS}[tool.uv.sources]\n"
            "mediapipe = [{ index = 'jp', marker = \"sys_platform == 'darwin'\" }]\n"
            "[[tool.uv.index]]\nname = 'jp'\nurl = 'https://wheels.example/'\nexplicit = true\n"
        },
        {"pyproject.toml": f'{ASKS}[tool.uv.sources]\ntorch = {{ index = "jp" }}\n'},
        {
            "pyproject.toml": f"{ASKS}[[tool.poetry.source]]\n"
            f'name = "jp"\nurl = "{INDEX}"\npriority = "explicit"\n'
        },
        {
            "Dockerfile": f"FROM python:3.11\nENV PIP_INDEX_URL={PYPI}\n"
            f"# ENV PIP_EXTRA_INDEX_URL={INDEX}\nRUN pip install mediapipe==1.2.2\n"
        },
    ],
)
def test_an_index_for_others_counts_for_nothing(files: dict[str, str], tmp_path: Path) -> None:
    status, words = told(tmp_path, {**files, "requirements.txt": "mediapipe==1.2.2\n"})
    assert status == "ok", words


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "pixi.toml",
            "[target.linux-64.pypi-dependencies]\nmediapipe = '==0.10.21'\n"
            "[target.linux-aarch64.pypi-dependencies]\nmediapipe = '==0.10.18'\n",
            4,
        ),
        (
            "pyproject.toml",
            "[tool.pixi.target.osx-arm64.pypi-dependencies]\nmediapipe = '==0.10.21'\n"
            "[tool.pixi.feature.x.pypi-dependencies]\nmediapipe = '==0.10.18'\n",
            4,
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = '^3.10'\nmediapipe = '^1.2'\n"
            "[tool.poetry.group.old.dependencies]\nmediapipe = '0.10.14'\n",
            5,
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = '^3.10'\n"
            "mediapipe = { version = '0.10.9', platform = 'darwin' }\n"
            "[tool.poetry.group.'old one'.dependencies]\nmediapipe = '0.10.14'\n",
            5,
        ),
        (
            "Pipfile",
            "[packages]\nmediapipe = { version = '==0.10.9', sys_platform = \"== 'win32'\" }\n"
            "[dev-packages]\nmediapipe = '==0.10.14'\n",
            4,
        ),
        ("tox.toml", "[env_run_base]\ndeps = [\n  'mediapipe==0.10.14',\n]\n", 3),
    ],
)
def test_a_table_of_settings_has_its_own_line_and_platform(
    name: str, text: str, line: int, tmp_path: Path
) -> None:
    result = judged(tmp_path, {name: text}, device="orin")["old-requirement"].result
    assert [item.place() for item in result.findings] == [f"{name}:{line}"]


@pytest.mark.parametrize(
    ("wheel", "python", "status", "words"),
    [
        (
            "mediapipe-1.2.2-py3-none-manylinux_2_28_x86_64.whl",
            "3.11",
            "bad",
            "refuses it on a Jetson",
        ),
        (
            "mediapipe-1.2.2-py3-none-macosx_11_0_arm64.whl",
            "3.11",
            "bad",
            "it is for macosx_11_0_arm64",
        ),
        ("mediapipe-1.2.2-py3-none-win_amd64.whl", "3.11", "bad", "refuses it on a Jetson"),
        (
            "mediapipe-0.8.5_cuda102-cp36-none-linux_aarch64.whl",
            "3.11",
            "bad",
            "refuses it on 3.11",
        ),
        ("mediapipe-0.10.9-cp310-cp310-linux_aarch64.whl", "3.10", "unknown", "wheels.audit"),
        ("mediapipe-1.2.2-cp39-abi3-linux_aarch64.whl", "3.11", "unknown", "wheels.audit"),
        ("mediapipe-1.2.2-py3-none-any.whl", "3.11", "unknown", "wheels.audit"),
        (
            "mediapipe-1.2.2-py3-none-manylinux_2_17_x86_64.manylinux_2_17_aarch64.whl",
            "3.11",
            "unknown",
            "wheels.audit",
        ),
    ],
)
def test_pip_refuses_a_wheel_by_its_tags(
    wheel: str, python: str, status: str, words: str, tmp_path: Path
) -> None:
    files = {"requirements.txt": f"./w/{wheel}\n", ".python-version": f"{python}\n"}
    result = told(tmp_path, files)
    assert result[0] == status, result
    assert words in result[1]


def test_debian_has_no_package_of_it(tmp_path: Path) -> None:
    files = {"setup.sh": "sudo apt-get install -y \\\n  python3-pip \\\n  python3-mediapipe\n"}
    status, words = told(tmp_path, files)
    assert status == "unknown"
    assert "setup.sh:3: neither Debian nor Ubuntu has python3-mediapipe" in words


@pytest.mark.parametrize(
    ("files", "place", "cure"),
    [
        (
            {"pyproject.toml": f'{HEAD}[tool.hatch.envs.default]\npython = "3.8"\n'},
            "pyproject.toml:6",
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


@pytest.mark.parametrize(
    ("name", "head", "cure"),
    [
        ("requirements.lock", "# generated by rye\n", "rye lock --update mediapipe"),
        (
            "requirements.txt",
            "# This file is autogenerated by pip-compile with Python 3.11\n#\n"
            "#    pip-compile --output-file=requirements.txt base.in\n",
            "base.in: write mediapipe>=1.0.1; then "
            "pip-compile --output-file=requirements.txt base.in -P mediapipe",
        ),
        (
            "requirements.lock",
            "# This file was autogenerated by uv via the following command:\n"
            "#    uv pip compile -o requirements.lock reqs.in\n",
            "reqs.in: write mediapipe>=1.0.1; then "
            "uv pip compile -o requirements.lock reqs.in -P mediapipe",
        ),
    ],
)
def test_a_lock_is_made_anew_as_it_was_made(
    name: str, head: str, cure: str, tmp_path: Path
) -> None:
    files = {name: f"{head}mediapipe==0.10.11\n    # via a\n"}
    if "rye" in head:
        files["pyproject.toml"] = f'{HEAD}dependencies = ["mediapipe>=0.10"]\n'
    _, words = told(tmp_path, files)
    assert cure in words


@pytest.mark.parametrize(
    ("program", "requirement", "status"),
    [
        ("from deepface import DeepFace\nDeepFace.analyze('a.jpg')\n", "deepface", "unknown"),
        ("import deepface\nBACKEND = 'mediapipe'\n", "deepface", "bad"),
        ("import cvzone\nfrom cvzone.ColorModule import ColorFinder\n", "cvzone==1.5.6", "unknown"),
        ("from cvzone.PoseModule import PoseDetector\n", "cvzone==1.5.6", "bad"),
        ("from controlnet_aux import OpenposeDetector\n", "controlnet-aux", "unknown"),
        ("from controlnet_aux import MediapipeFaceDetector\n", "controlnet-aux", "bad"),
        ("from handDetection import x\n", "handdetection", "bad"),
    ],
)
def test_a_package_counts_where_its_part_that_calls_mediapipe_is_named(
    program: str, requirement: str, status: str, tmp_path: Path
) -> None:
    files = {"app.py": program, "requirements.txt": f"{requirement}\n"}
    answer = judged(tmp_path, files, device="orin")["legacy-api"]
    assert answer.result.status == status, lines(answer)


def test_a_notebook_saved_as_a_program_is_read(tmp_path: Path) -> None:
    text = (
        "# -*- coding: utf-8 -*-\n!pip install -q mediapipe==0.10.14\n%matplotlib inline\n"
        "import mediapipe as mp\nif True:\n    !ls\nhands = mp.solutions.hands.Hands()\n"
    )
    result = judged(tmp_path, {"colab.py": text}, device="orin")
    assert [item.place() for item in result["old-requirement"].result.findings] == ["colab.py:2"]
    assert result["legacy-api"].result.findings[0].place() == "colab.py:7"
    assert not [line for line in lines(result["legacy-api"]).splitlines() if "not read" in line]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("services:\n  a:\n    gpus: all\n", "write runtime: nvidia in the service"),
        (
            "services:\n  a:\n    runtime: nvidia\n"
            "    environment: [NVIDIA_VISIBLE_DEVICES=none]\n",
            "write NVIDIA_VISIBLE_DEVICES=all in the service",
        ),
    ],
)
def test_a_service_has_a_cure_for_services(text: str, cure: str, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"compose.yml": text}, device="orin")["gpus-flag"]
    assert answer.bad
    assert cure in answer.cure


def test_a_service_that_another_file_includes_is_told_once(tmp_path: Path) -> None:
    files = {
        "compose.yml": "include: [v.yml]\nservices: {}\n",
        "v.yml": "services:\n  a:\n    gpus: all\n",
    }
    result = judged(tmp_path, files, device="orin")["gpus-flag"].result
    assert [item.place() for item in result.findings] == ["v.yml:3"]


@pytest.mark.parametrize(
    ("script", "lines_of"),
    [
        ('for p in numpy "mediapipe==0.10.9"; do\n  pip3 install "$p" || true\ndone\n', [1]),
        (
            'PKGS=(\n  numpy # mediapipe==0.10.5\n  "mediapipe==0.10.14"\n)\n'
            'pip install "${PKGS[@]}"\n',
            [3],
        ),
        ("A=(numpy mediapipe==0.10.9)\nfor p in ${A[@]}\ndo pip install $p; done\n", [1]),
        ("A=(mediapipe==0.10.9)\necho ${A[@]}\npip install numpy\n", []),
    ],
)
def test_lists_of_a_shell_are_installed(script: str, lines_of: list[int], tmp_path: Path) -> None:
    result = judged(tmp_path, {"i.sh": script}, device="orin")["old-requirement"].result
    assert [item.line for item in result.findings] == lines_of


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("git clone -b v0.10.18 https://git.example/google/mediapipe.git\n", "is cloned here"),
        (
            "wget -q https://x.example/mediapipe-0.8.5_cuda102-cp36-none-linux_aarch64.whl\n",
            "fetched",
        ),
    ],
)
def test_what_is_built_or_fetched_is_not_known(script: str, words: str, tmp_path: Path) -> None:
    status, said = told(tmp_path, {"i.sh": f"{script}pip install mediapipe 2>&1 | tee log\n"})
    assert status == "unknown"
    assert "i.sh:1: " in said
    assert words in said


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (
            {"Dockerfile": "FROM --platform=linux/amd64 python:3.11\nRUN pip install mediapipe\n"},
            "Dockerfile:1",
        ),
        (
            {"compose.yml": "services:\n  a:\n    build: .\n    platform: linux/amd64\n"},
            "compose.yml:4",
        ),
    ],
)
def test_an_image_for_another_cpu_is_named(
    files: dict[str, str], place: str, tmp_path: Path
) -> None:
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert [item.place() for item in answer.result.findings] == [place]
    assert answer.title == "The project asks for an image of another CPU"
    assert "linux/arm64" in answer.cure
    assert "Python" not in answer.why
    for own in ("$BUILDPLATFORM", "${TARGETPLATFORM:-linux/amd64}", "linux/arm64/v8"):
        other = {"Dockerfile": f"FROM --platform={own} python:3.11\nRUN pip install x\n"}
        folder = tmp_path / str(len(own))
        assert not judged(folder, other, device="orin")["project-python"].bad


@pytest.mark.parametrize(("device", "release"), [("nano", "32.7.1"), ("orin", "36.4.3")])
def test_a_cure_is_for_the_release_of_the_board(device: str, release: str, tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM nvcr.io/nvidia/l4t-base:35.4.1\nRUN pip install mediapipe\n",
        "main.py": "import mediapipe\n",
    }
    answer = judged(tmp_path, files, device=device)["project-python"]
    assert f"--l4t {release}" in answer.cure
    files["Dockerfile"] = (
        "FROM ghcr.io/lanzani/opencv:l4t32.7.1-py3.6.8-ocv4.8.0\nRUN pip install x\n"
    )
    assert "--l4t 32.7.1" in judged(tmp_path / "2", files)["project-python"].cure


def test_what_overrides_a_dependency_counts(tmp_path: Path) -> None:
    text = f'{ASKS}[tool.pdm.resolution.overrides]\nmediapipe = "0.10.18"\n'
    result = judged(tmp_path, {"pyproject.toml": text}, device="orin")["old-requirement"].result
    assert [item.place() for item in result.findings] == ["pyproject.toml:7"]


@pytest.mark.parametrize(("group", "status"), [("x86", "ok"), ("macos", "ok"), ("pc", "bad")])
def test_a_group_may_be_for_other_machines_by_its_name(
    group: str, status: str, tmp_path: Path
) -> None:
    text = f'{ASKS}[project.optional-dependencies]\n{group} = ["mediapipe==0.10.21"]\n'
    assert told(tmp_path, {"pyproject.toml": text})[0] == status


BUILT = "ARG L4T=r35.4.1\nFROM nvcr.io/nvidia/l4t-base:${L4T}\nRUN pip3 install mediapipe\n"


@pytest.mark.parametrize(
    "files",
    [
        {"build.sh": "V=r36.2.0\ndocker build --build-arg L4T=$V .\n"},
        {
            "compose.yml": "services:\n  a:\n    build:\n      context: .\n"
            "      args: {L4T: '${TAG:-r35.4.1}'}\n",
            ".env": "# tag\nexport TAG='r36.2.0' # of the board\n",
        },
    ],
)
def test_a_build_argument_may_be_a_variable(files: dict[str, str], tmp_path: Path) -> None:
    result = judged(tmp_path, {"Dockerfile": BUILT, **files}, device="orin")
    assert result["project-python"].result.status == "ok", lines(result["project-python"])
    assert "l4t-base:r36.2.0" in lines(result["project-python"])


def test_an_image_of_a_service_may_be_in_its_environment(tmp_path: Path) -> None:
    files = {
        "compose.yml": "services:\n  a:\n    image: ${IMAGE}\n    runtime: nvidia\n",
        ".env": "IMAGE=nvcr.io/nvidia/l4t-base:r35.4.1\n",
    }
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert [item.place() for item in answer.result.findings] == ["compose.yml:3"]
    assert "then name the image that it makes in compose.yml" in answer.cure
    assert "remove" not in answer.cure


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deploy.yml", "kind: Pod\nspec: {containers: [{image: dustynv/mediapipe:r36.2.0}]}\n"),
        (".env", "PACKAGE=mediapipe==0.10.14\n"),
    ],
)
def test_what_is_not_read_is_named(name: str, text: str, tmp_path: Path) -> None:
    status, words = told(tmp_path, {name: text, "requirements.txt": "mediapipe==1.2.2\n"})
    assert status == "unknown"
    assert f"not read: {name}" in words
