"""What the doctor says of whole projects: each a kind of which something was said wrongly."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.doctor import causes
from mediapipe_jetson.doctor.causes import Answer

from tests.unit.doctor_scenes import plant, scene

L4T_BASE = "FROM nvcr.io/nvidia/l4t-base:r32.7.1\nRUN pip3 install mediapipe\n"
COMPOSE_TWO = """\
services:
  det:
    image: a
    runtime: nvidia
  pose:
    image: b
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
"""
PYPROJECT = '[project]\nname = "demo"\nversion = "0"\nrequires-python = ">=3.10"\n'
ASKS = f'{PYPROJECT}dependencies = ["mediapipe"]\n'
UV = 'version = 1\n\n[[package]]\nname = "mediapipe"\nversion = "{}"\n'


def judged(tmp_path: Path, files: dict[str, str], **given: Any) -> dict[str, Answer]:
    """Return each cause's answer on a project, in the order of the report."""
    here = scene(
        tmp_path,
        files={f"app/{name}": text for name, text in files.items()},
        code=tmp_path / "app",
        **given,
    )
    return {item.cause.id: item for item in causes.examine(here)}


def lines(answer: Answer) -> str:
    """Return all that an answer says."""
    found = [item.text() for item in answer.result.findings]
    return "\n".join([answer.result.status, *answer.result.evidence, *found, answer.cure])


def test_the_commonest_cause_is_the_first() -> None:
    known, _ = causes.load()
    assert known[0].id == "gpu-not-requested"


def test_a_selfbuilt_wheel_is_no_official_one(tmp_path: Path) -> None:
    """The name and the version of a file prove nothing."""
    files = {"requirements.txt": "./wheels/mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl\n"}
    found = judged(tmp_path, files, device="orin")["old-requirement"]
    assert found.result.status == "unknown"
    assert "./inv wheels.audit" in lines(found)


@pytest.mark.parametrize(
    ("library", "status", "words"),
    [
        (b"GPU processing is disabled in build flags", "bad", "it holds the text"),
        (b"nothing", "unknown", "neither libEGL nor libGLESv2"),
        (None, "unknown", "can't be read"),
    ],
)
def test_a_wheel_in_the_project_is_audited(
    tmp_path: Path, library: bytes | None, status: str, words: str
) -> None:
    name = "mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl"
    plant(tmp_path, {f"app/wheels/{name}": "no archive"})
    if library is not None:
        elf = (Path("/bin/true")).read_bytes()  # a real library's headers; x86_64 or aarch64
        with zipfile.ZipFile(tmp_path / "app/wheels" / name, "w") as archive:
            archive.writestr("mediapipe/python/_framework_bindings.cpython-310.so", elf + library)
    found = judged(tmp_path, {"requirements.txt": f"./wheels/{name}\n"}, device="orin")
    told = lines(found["old-requirement"])
    if library == b"nothing" and "x86_64" in told:
        status, words = "bad", "its library is for x86_64"
    elif library and "x86_64" in told:
        words = "its library is for x86_64"
    assert found["old-requirement"].result.status == status, told
    assert words in told


@pytest.mark.parametrize("device", ["orin", "nano", "thor", ""])
def test_python_comes_first_and_cures_fit_the_board(tmp_path: Path, device: str) -> None:
    text = "dependencies:\n  - python=3.8\n  - pip:\n      - mediapipe==0.10.11\n"
    found = judged(tmp_path, {"environment.yml": text}, device=device)
    bad = [name for name, item in found.items() if item.bad]
    assert bad[0] == "project-python"
    assert found["project-python"].cure == "environment.yml:2: write python=3.11"
    cure = found["old-requirement"].cure
    assert "once Python is 3.9 or later (environment.yml:2)" in cure
    if device == "nano":
        assert "mediapipe==0.10.18" in cure
        assert "1.0.1" not in cure
        assert "Orin" not in cure
    if device == "orin":
        assert "mediapipe>=1.0.1" in cure
        assert "Nano" not in cure


def test_a_virtual_nano_on_a_newer_cpu_is_a_nano(tmp_path: Path) -> None:
    """What the module is counts for more than the CPU below the virtual board."""
    new = (
        "processor : 0\nFeatures : fp asimd aes crc32 atomics fphp asimdhp asimdrdm lrcpc asimddp\n"
    )
    found = judged(
        tmp_path, {"requirements.txt": "mediapipe==0.10.9\n", "../proc/cpuinfo": new}, device="nano"
    )
    assert "old-requirement" not in [name for name, item in found.items() if item.bad]
    found = judged(tmp_path, {"requirements.txt": "mediapipe==1.2.2\n"}, device="nano")
    assert "mediapipe==0.10.18" in found["old-requirement"].cure


PACKAGE = (
    "from cvzone.HandTrackingModule import HandDetector\n\ndetector = HandDetector(maxHands=1)\n"
)


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ("cvzone==1.5.6", "bad", "requirements.txt:1: cvzone==1.5.6: HandTrackingModule"),
        ("cvzone<2", "bad", "requirements.txt:1: cvzone<2"),
        ("cvzone~=1.6", "bad", "cvzone>=2.0.0"),
        ("cvzone==2.0.0", "ok", "no use"),
        ("cvzone", "ok", "no use"),
        ("", "unknown", "app.py:1: cvzone below 2.0.0 calls mp.solutions inside, and no file pins"),
        ("pymp-proctor", "bad", "pins mediapipe==0.8.9.1"),
        ("HandTrackingModule==0.2", "bad", "calls mp.solutions inside"),
        ("cvzone==2.0.0\nsomething-else", "unknown", "not looked into: something-else"),
        ("cvzone==2.0.0\nnumpy\nopencv-python", "ok", "no use"),
    ],
)
def test_legacy_calls_within_packages(tmp_path: Path, wanted: str, status: str, words: str) -> None:
    files = {"app.py": PACKAGE, "requirements.txt": f"{wanted}\n"}
    found = judged(tmp_path, files)["legacy-api"]
    assert found.result.status == status, lines(found)
    assert words in lines(found)


def test_a_package_is_named_where_it_is_imported_too(tmp_path: Path) -> None:
    files = {"app.py": PACKAGE, "requirements.txt": "cvzone==1.5.6\n"}
    found = judged(tmp_path, files)["legacy-api"]
    assert [item.place() for item in found.result.findings] == ["app.py:1", "requirements.txt:1"]


def test_a_fork_is_named(tmp_path: Path) -> None:
    found = judged(tmp_path, {"requirements.txt": "rf-mediapipe==0.10.14\n"}, device="orin")
    assert "Roboflow's build of 0.10.14" in lines(found["old-requirement"])
    assert found["old-requirement"].cure == "requirements.txt:1: write mediapipe>=1.0.1"
    assert found["legacy-api"].result.status == "unknown"


def test_a_lock_file_counts_for_more_than_its_source(tmp_path: Path) -> None:
    found = judged(
        tmp_path, {"pyproject.toml": ASKS, "uv.lock": UV.format("0.10.21")}, device="orin"
    )
    answer = found["old-requirement"]
    assert [item.place() for item in answer.result.findings] == ["uv.lock:5"]
    assert answer.cure == "uv.lock:5: uv lock --upgrade-package mediapipe"


def test_a_source_that_excludes_what_is_right_is_mended_first(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": ASKS.replace("mediapipe", "mediapipe<1"),
        "uv.lock": UV.format("0.10.21"),
    }
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.cure == (
        "uv.lock:5: pyproject.toml: write mediapipe>=1.0.1; "
        "then uv lock --upgrade-package mediapipe"
    )


@pytest.mark.parametrize(
    ("name", "text", "line", "cure"),
    [
        ("poetry.lock", UV.format("0.10.14"), 5, "poetry update mediapipe"),
        ("pdm.lock", UV.format("0.10.14"), 5, "pdm update mediapipe"),
        (
            "Pipfile.lock",
            '{"_meta": {}, "default": {\n "mediapipe": {"hashes": [],\n  "version": "==0.10.14"}}}',
            3,
            "pipenv update mediapipe",
        ),
        (
            "pylock.toml",
            '[[packages]]\nname = "mediapipe"\nversion = "0.10.14"\n',
            3,
            "uv lock --upgrade-package mediapipe",
        ),
        (
            "requirements.txt",
            "#\n# This file is autogenerated by pip-compile with Python 3.10\n#\n"
            "mediapipe==0.10.14 \\\n"
            "    --hash=sha256:00\n    # via -r requirements.in\n",
            4,
            "pip-compile --upgrade-package mediapipe",
        ),
        (
            "requirements.txt",
            "# This file was autogenerated by uv via the following command:\nmediapipe==0.10.14\n",
            2,
            "pip-compile --upgrade-package mediapipe",
        ),
        (
            "conda-lock.yml",
            "package:\n- name: mediapipe\n  version: 0.10.14\n  manager: pip\n"
            "  platform: linux-aarch64\n",
            3,
            "conda-lock lock --update mediapipe",
        ),
    ],
)
def test_every_kind_of_lock_file(
    tmp_path: Path, name: str, text: str, line: int, cure: str
) -> None:
    answer = judged(tmp_path, {"pyproject.toml": ASKS, name: text}, device="orin")[
        "old-requirement"
    ]
    assert [item.place() for item in answer.result.findings] == [f"{name}:{line}"]
    assert cure in answer.cure


@pytest.mark.parametrize(
    ("files", "status", "words"),
    [
        ({"pyproject.toml": ASKS, "uv.lock": UV.format("1.2.2")}, "ok", "uv.lock:5"),
        (
            {
                "pyproject.toml": ASKS.replace("mediapipe", "mediapipe==0.10.9"),
                "uv.lock": UV.format("1.2.2"),
            },
            "bad",
            "pyproject.toml:5: mediapipe==0.10.9",
        ),
        ({"pyproject.toml": ASKS, "uv.lock": "version = 1\n"}, "unknown", "it is out of date"),
        ({"pyproject.toml": ASKS, "uv.lock": "version = \n"}, "unknown", "not read: uv.lock"),
        (
            {
                "pyproject.toml": ASKS,
                "uv.lock": UV.format("0.10.21") + 'source = { git = "https://example.org/m" }\n',
            },
            "unknown",
            "from https://example.org/m",
        ),
        (
            {
                "pyproject.toml": ASKS,
                "uv.lock": UV.format("0.10.21")
                + "resolution-markers = [\"platform_machine == 'x86_64'\"]\n"
                + UV.format("1.2.2").partition("\n\n")[2],
            },
            "ok",
            "1.2.2",
        ),
        ({"pyproject.toml": ASKS, "sub/uv.lock": UV.format("0.10.21")}, "bad", "sub/uv.lock"),
        ({"sub/pyproject.toml": ASKS, "uv.lock": UV.format("1.2.2")}, "ok", "uv.lock:5"),
        (
            {
                "requirements.txt": "mediapipe==1.2.2\n",
                "Dockerfile": "FROM x\nRUN pip install mediapipe==0.10.9\n",
            },
            "bad",
            "Dockerfile:2",
        ),
    ],
)
def test_locks_and_sources_together(
    tmp_path: Path, files: dict[str, str], status: str, words: str
) -> None:
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == status, lines(answer)
    assert words in lines(answer)


def test_a_base_image_is_known_by_its_python_and_its_release(tmp_path: Path) -> None:
    found = judged(tmp_path, {"Dockerfile": L4T_BASE}, device="nano")
    first = next(item for item in found.values() if item.bad)
    assert first.cause.id == "project-python"
    assert "brings Python 3.6 (Ubuntu 18.04, L4T 32.7.1, JetPack 4)" in lines(first)
    assert "./inv build --jetson --l4t 32.7.1" in first.cure
    assert "mediapipe==0.10.18" in found["old-requirement"].cure
    assert found["legacy-api"].result.status == "unknown"


def test_a_base_image_for_another_release_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, {"Dockerfile": L4T_BASE}, device="orin")["image-for-another-l4t"]
    assert found.bad
    assert "Dockerfile:1: nvcr.io/nvidia/l4t-base:r32.7.1 is for L4T 32.7.1" in lines(found)
    here = judged(tmp_path, {"Dockerfile": L4T_BASE.replace("r32.7.1", "r36.2.0")}, device="orin")
    assert not here["image-for-another-l4t"].bad
    unseen = judged(tmp_path / "x", {"Dockerfile": L4T_BASE})["image-for-another-l4t"]
    assert unseen.result.status == "unknown"
    assert "is for L4T 32.7.1" in lines(unseen)


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("FROM dustynv/l4t-ml:r36.4.0\nRUN pip install x\n", "ok", "dustynv"),
        ("FROM dustynv/pytorch:2.7-r36.4.0-cu128-24.04\nRUN pip install x\n", "ok", "24.04"),
        ("FROM dustynv/l4t-pytorch:r35.4.1\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM python:3.11-slim-bookworm\nRUN pip install x\n", "ok", "3.11"),
        ("FROM python:3.8\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM python:3.11-alpine\nRUN pip install x\n", "bad", "Alpine"),
        ("FROM ubuntu:focal\nRUN pip install x\n", "bad", "Python 3.8"),
        ("FROM debian:12-slim\nRUN pip install x\n", "ok", "debian:12-slim"),
        ("FROM ros:noetic-ros-base\nRUN pip3 install x\n", "bad", "Python 3.8"),
        ("FROM nvcr.io/nvidia/l4t-jetpack:r35.4.1\nRUN pip install x\n", "bad", "L4T 35.4.1"),
        (
            "FROM nvcr.io/nvidia/cuda:12.6.0-devel-ubuntu22.04\nRUN pip install x\n",
            "ok",
            "ubuntu22",
        ),
        ("FROM mycompany/base:7\nRUN pip install x\n", "unknown", "mycompany/base:7 is not known"),
        ("FROM mycompany/base@sha256:00\nRUN pip install x\n", "unknown", "is not known"),
        ("ARG B=ubuntu\nARG V=20.04\nFROM ${B}:$V\nRUN pip install x\n", "bad", "ubuntu:20.04"),
        ("ARG BASE\nFROM $BASE\nRUN pip install x\n", "unknown", "$BASE is not known"),
        (
            "FROM ubuntu:20.04\nRUN apt-get install -y python3.11 && python3.11 -m pip install x\n",
            "ok",
            "ubuntu:20.04",
        ),
        (
            "FROM ubuntu:20.04\nRUN curl x/Miniconda3.sh | sh && pip install x\n",
            "unknown",
            "can't be told",
        ),
        ("FROM node:20 AS web\nRUN npm i\nFROM python:3.11\nRUN pip install x\n", "ok", "3.11"),
        ("FROM ubuntu:20.04 AS a\nFROM a\nRUN pip install mediapipe\n", "bad", "Python 3.8"),
        ("FROM nginx\nCOPY x /y\n", "unknown", "names a Python"),
        ("FROM --platform=linux/arm64 ubuntu:20.04\nRUN pip install x\n", "bad", "Python 3.8"),
    ],
)
def test_base_images(tmp_path: Path, text: str, status: str, words: str) -> None:
    found = judged(tmp_path, {"Dockerfile": text})["project-python"]
    assert found.result.status == status, lines(found)
    assert words in lines(found)


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
    found = judged(tmp_path, {name: text})["project-python"]
    assert found.result.status == status, lines(found)
    assert cure in lines(found)


def test_odd_names_are_read_by_their_content(tmp_path: Path) -> None:
    files = {
        "Dockerfile-l4t": "FROM ubuntu:20.04\nRUN pip3 install mediapipe==0.10.9\n",
        "reqs.txt": "mediapipe==0.10.9\n",
    }
    found = judged(tmp_path, files)
    places = [item.place() for item in found["old-requirement"].result.findings]
    assert places == ["Dockerfile-l4t:2", "reqs.txt:1"]
    assert found["project-python"].bad


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "We use this one here:\nmediapipe==0.10.9\n"),
        ("main.cc", '#include "mediapipe/framework/calculator_graph.h"\n'),
        ("package.json", '{"dependencies": {"@mediapipe/tasks-vision": "0.10.9"}}'),
        ("install.ps1", "pip install mediapipe==0.10.9\n"),
        ("pod.yaml", "kind: Pod\nspec: {command: [sh, -c, pip install mediapipe==0.10.9]}\n"),
        ("tox.ini", "[testenv]\ndeps = mediapipe==0.10.9\n"),
        ("app.kt", "import com.google.mediapipe.tasks.vision\n"),
    ],
)
def test_what_no_reader_knows_is_listed(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
    found = judged(tmp_path, files, device="orin")
    for cause in ("old-requirement", "legacy-api"):
        assert found[cause].result.status == "unknown"
        assert f"not read: {name}" in lines(found[cause])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "pip install mediapipe==0.10.9\n"),
        ("data.json", '{"text": "import mediapipe"}'),
        ("notes.txt", "mediapipe is nice\n"),
        ("LICENSE", "mediapipe\n"),
        ("roles/x.yml", "- name: mediapipe\n"),
    ],
)
def test_what_people_read_is_not(tmp_path: Path, name: str, text: str) -> None:
    files = {name: text, "app.py": "import mediapipe\n", "requirements.txt": "mediapipe==1.2.2\n"}
    assert judged(tmp_path, files, device="orin")["legacy-api"].result.status == "ok"


def test_compose_is_judged_service_by_service(tmp_path: Path) -> None:
    found = judged(tmp_path, {"docker-compose.yml": COMPOSE_TWO}, device="orin")["gpus-flag"]
    assert [item.text() for item in found.result.findings] == [
        "docker-compose.yml:11: service pose: a GPU is reserved without runtime: nvidia "
        "-> runtime: nvidia"
    ]
