"""Commands that a project's documents show, and how often a report says a thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import causes, report

from tests.unit.doctor_scenes import judged, lines, scene

L4T = {"Dockerfile": "FROM nvcr.io/nvidia/l4t-base:r32.7.1\nRUN pip3 install mediapipe\n"}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README.md", "# x\n\n```\ndocker run --gpus all -it x\n```\n", 4),
        ("README.md", "    sudo docker run -it \\\n      --gpus=all x\n", 1),
        ("docs/start.md", "$ docker run --rm --gpus all x\n", 1),
        ("README.rst", "::\n\n  user@nano:~$ docker run --gpus all x\n", 3),
        ("README", "docker run --gpus all x\n", 1),
        ("README.md", "- `docker run --gpus all x`\n", 1),
        ("README.md", "docker run -e 'A=it is' --gpus all x\n", 1),
        ("README.md", "docker run --runtime nvidia --gpus all x\n", 0),
        ("README.md", "docker run --runtime nvidia x\n", 0),
        ("README.md", "Don't write docker run --gpus all: it's for PCs.\n", 0),
        ("README.md", "docker build --gpus all .\n", 0),
        ("README.md", "docker run x --gpus all\n", 0),
    ],
)
def test_a_command_in_a_document_is_read(name: str, text: str, line: int, tmp_path: Path) -> None:
    """Also on a machine that is no Jetson, where the project starts from an image of L4T."""
    answer = judged(tmp_path, {**L4T, name: text})["gpus-flag"]
    assert answer.bad is bool(line)
    if line:
        assert f"{name}:{line}" in answer.cure
    alone = judged(tmp_path / "alone", {name: text})["gpus-flag"]
    assert (f"on a Jetson wrong: {name}:{line}" in lines(alone)) is bool(line)


@pytest.mark.parametrize(
    "files",
    [
        {"jetson.toml": 'command = ["python3", "a.py"]\n'},
        {"Dockerfile": "FROM mediapipe-jetson:r32.7.1\n"},
        {"Dockerfile": "FROM dustynv/l4t-ml:r36.4.0\n"},
    ],
)
def test_what_a_project_is_for_decides(files: dict[str, str], tmp_path: Path) -> None:
    files = {**files, "run.sh": "docker run --gpus all x\n"}
    assert judged(tmp_path, files)["gpus-flag"].bad


def told(folder: Path, files: dict[str, str]) -> str:
    here = scene(
        folder,
        files={f"app/{name}": text for name, text in files.items()},
        code=folder / "app",
    )
    return report.text(report.document(here, causes.examine(here, project_only=True)))


def test_a_cure_is_said_once(tmp_path: Path) -> None:
    text = told(tmp_path, {**L4T, "requirements.txt": "mediapipe==0.8.9\n"})
    for phrase in ("take the kit's image", "has no aarch64 wheel of it"):
        assert text.count(phrase) <= 1, text


def test_every_place_is_listed_where_there_are_several(tmp_path: Path) -> None:
    files = {"requirements.txt": "mediapipe==0.8.9\n", "b/requirements.txt": "mediapipe==0.8.9\n"}
    text = told(tmp_path, files)
    assert "- requirements.txt:1: mediapipe==0.8.9" in text
    assert "- b/requirements.txt:1: mediapipe==0.8.9" in text


def test_programs_are_counted_and_not_all_that_was_read(tmp_path: Path) -> None:
    files = {"a.py": "import b\n", "b.py": "", "requirements.txt": "mediapipe\n", "README.md": "x"}
    text = told(tmp_path, {**files, **L4T})
    assert "no task of MediaPipe's is created in 2 files" in text


README = "# Hands\nRun `pip install mediapipe==0.10.9` first.\n```\n$ pip3 install mediapipe\n```\n"


def test_what_a_readme_says_to_install_is_a_hint(tmp_path: Path) -> None:
    files = {"README.md": README, "app.py": "import mediapipe\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
    assert "README.md:2 says to install mediapipe==0.10.9: its aarch64 wheels" in lines(answer)
    assert "README.md:4 says to install mediapipe" in lines(answer)


def test_what_a_readme_says_does_not_count_where_a_file_installs(tmp_path: Path) -> None:
    files = {"README.md": README, "requirements.txt": "mediapipe==1.2.2\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


def test_a_readme_is_never_right(tmp_path: Path) -> None:
    files = {"README.md": "```sh\npip install mediapipe==1.2.2\n```\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "unknown", lines(answer)
