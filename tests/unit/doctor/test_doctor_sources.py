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
    """Return the status and the message on the wheels that a project asks for."""
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
    status, message = told(tmp_path, files)
    assert status == "unknown", message
    assert "jp" in message or "git.example" in message


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
    status, message = told(tmp_path, {**files, "requirements.txt": "mediapipe==1.2.2\n"})
    assert status == "ok", message


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
    ("wheel", "python", "status", "expected"),
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
    wheel: str, python: str, status: str, expected: str, tmp_path: Path
) -> None:
    files = {"requirements.txt": f"./w/{wheel}\n", ".python-version": f"{python}\n"}
    result = told(tmp_path, files)
    assert result[0] == status, result
    assert expected in result[1]


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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deploy.yml", "kind: Pod\nspec: {containers: [{image: dustynv/mediapipe:r36.2.0}]}\n"),
        (".env", "PACKAGE=mediapipe==0.10.14\n"),
    ],
)
def test_what_is_not_read_is_named(name: str, text: str, tmp_path: Path) -> None:
    status, message = told(tmp_path, {name: text, "requirements.txt": "mediapipe==1.2.2\n"})
    assert status == "unknown"
    assert f"not read: {name}" in message
