"""Projects as strangers write them: where a version is put together, given elsewhere or hidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

OLD = "mediapipe==0.10.9"
SETUP = "from setuptools import setup\n{}\nsetup(name='x', install_requires=reqs)\n"
TABLE = "[tool.poetry]\nname = 'x'\n[tool.poetry.dependencies]\npython = '^3.10'\n"
PROJECT = "[project]\nname = 'x'\nversion = '0'\n"
# A file, what is in it, and the place that is named.
OLDER = {
    "appended": ("setup.py", SETUP.format(f"reqs = []\nreqs.append('{OLD}')"), "setup.py:3"),
    "added to a set": ("setup.py", SETUP.format(f"reqs = set()\nreqs.add('{OLD}')"), "setup.py:3"),
    "inserted": ("setup.py", SETUP.format(f"reqs = []\nreqs.insert(0, '{OLD}')"), "setup.py:3"),
    "extended": ("setup.py", SETUP.format(f"reqs = []\nreqs.extend(['{OLD}'])"), "setup.py:3"),
    "lines of a text": (
        "setup.py", SETUP.format(f'reqs = """\nnumpy\n{OLD}\n""".split("\\n")'), "setup.py:4"),
    "one text": ("setup.py", f"setup(install_requires='{OLD}')\n", "setup.py:1"),
    "a constant": ("setup.py", SETUP.format("V = '0.10.9'\nreqs = [f'mediapipe=={V}']"), ":3"),
    "joined": ("setup.py", SETUP.format("V = '0.10.9'\nreqs = ['mediapipe==' + V]"), ":3"),
    "extras in a table": ("setup.py", f"setup(extras_require={{'mp': ['{OLD}']}})\n", ":1"),
    "poetry's alternatives": (
        "pyproject.toml",
        TABLE + "mediapipe = [{version = '0.10.9', markers = \"platform_machine == 'aarch64'\"},\n"
        " {version = '1.2.2', markers = \"platform_machine != 'aarch64'\"}]\n",
        "pyproject.toml:5",
    ),
    "pdm's groups": ("pyproject.toml", f"[tool.pdm.dev-dependencies]\nmp = ['{OLD}']\n", ":2"),
    "hatch": (
        "pyproject.toml", f"{PROJECT}[tool.hatch.envs.a]\nextra-dependencies = ['{OLD}']\n", ":5"),
    "uv's overrides": (
        "pyproject.toml", f"{PROJECT}[tool.uv]\noverride-dependencies = ['{OLD}']\n", ":5"),
    "uv run": ("run.sh", f"uv run --with {OLD} app.py\n", "run.sh:1"),
    "uv run, joined": ("run.sh", f"uv run --python 3.11 --with=numpy,{OLD} app.py\n", "run.sh:1"),
    "uvx": ("Makefile", f"run:\n\tuvx --from {OLD} tool\n", "Makefile:2"),
    "uv tool": ("run.sh", f"uv tool install app --with {OLD}\n", "run.sh:1"),
    "pipx run": ("run.sh", f"pipx run --spec '{OLD}' app\n", "run.sh:1"),
    "pipx install": ("run.sh", f"pipx install {OLD}\n", "run.sh:1"),
    "an argument's default": (
        "Dockerfile", "FROM x\nARG MP=0.10.9\nRUN pip install mediapipe==${MP}\n", "Dockerfile:3"),
    "a variable": (
        "Dockerfile", 'FROM x\nENV MP="0.10.9"\nRUN pip install "mediapipe==$MP"\n', ":3"),
    "continued lines": (
        "Dockerfile", "FROM x\nARG MP=0.10.9\nRUN pip install \\\n  mediapipe==${MP}\n", ":4"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OLDER)
def test_an_old_version_is_seen_wherever_it_is_asked_for(tmp_path: Path, kind: str) -> None:
    name, text, place = OLDER[kind]
    answer = judged(tmp_path, {name: text}, device="orin")["old-requirement"]
    assert answer.result.status == "bad", lines(answer)
    assert any(place in finding.place() for finding in answer.result.findings), lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        "reqs = ['mediapipe==%s' % version()]",
        "reqs = ['mediapipe=={}'.format(version())]",
        "reqs = [f'mediapipe=={version()}']",
        "reqs = ['mediapipe==' + version()]",
        "V = '0.10.9'\nV = '1.2.2'\nreqs = [f'mediapipe=={V}']",
    ],
)
def test_a_version_that_is_computed_is_not_known(tmp_path: Path, text: str) -> None:
    answer = judged(tmp_path, {"setup.py": SETUP.format(text)}, device="orin")["old-requirement"]
    assert answer.result.status == "unknown"
    assert "setup.py:" in lines(answer)
    assert "version can't be read" in lines(answer)


def test_alternatives_are_each_judged(tmp_path: Path) -> None:
    text = TABLE + "mediapipe = [{version = '1.2.2'}, {version = '^1.0.1'}]\n"
    answer = judged(tmp_path, {"pyproject.toml": text}, device="orin")["old-requirement"]
    assert answer.result.status == "ok"


DOCKERFILE = "ARG BASE=nvcr.io/nvidia/l4t-jetpack:r36.4.0\nFROM ${BASE}\n"
R32 = "nvcr.io/nvidia/l4t-base:r32.7.1"
BUILT = {
    "compose": {
        "compose.yml": f"services: {{a: {{build: {{context: ., args: {{BASE: {R32}}}}}}}}}"
    },
    "a list": {"compose.yml": f"services: {{a: {{build: {{context: ., args: ['BASE={R32}']}}}}}}"},
    "a default": {
        "compose.yml": "services: {a: {build: {context: ., args: {BASE: '${B:-" + R32 + "}'}}}}"
    },
    "a script": {"build.sh": f"docker build --build-arg BASE={R32} -t x .\n"},
    "buildx": {"Makefile": f"image:\n\tdocker buildx build --build-arg=BASE={R32} --load .\n"},
    "a script below": {"tools/build.sh": f"docker build -f Dockerfile --build-arg BASE={R32} .\n"},
}


@pytest.mark.parametrize("kind", BUILT)
def test_arguments_of_the_build_count_for_more_than_defaults(tmp_path: Path, kind: str) -> None:
    here = judged(tmp_path, {"Dockerfile": DOCKERFILE, **BUILT[kind]}, device="orin")
    answer = here["image-for-another-l4t"]
    assert answer.result.status == "bad", lines(answer)
    assert f"{R32} is for L4T 32.7.1" in lines(answer)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"build.sh": "docker build --build-arg BASE=$1 .\n"},
        {"build.sh": f"docker build -f other/Dockerfile --build-arg BASE={R32} .\n"},
        {"compose.yml": "services: {a: {build: .}}"},
        {"compose.yml": "services: {a: {build: {context: ., args: {BASE: '${B}'}}}}"},
    ],
)
def test_arguments_that_are_not_told_leave_the_default(
    tmp_path: Path, files: dict[str, str]
) -> None:
    here = judged(tmp_path, {"Dockerfile": DOCKERFILE, **files}, device="orin")
    assert here["image-for-another-l4t"].result.status != "bad"


STARS = {
    "vision": "from mediapipe.tasks.python.vision import *\nfrom mediapipe.tasks.python import *\n",
    "its modules": (
        "from mediapipe.tasks.python.vision.hand_landmarker import *\n"
        "from mediapipe.tasks.python.core.base_options import *\n"
    ),
}


@pytest.mark.parametrize("kind", STARS)
@pytest.mark.parametrize(("delegate", "status"), [("GPU", "ok"), ("CPU", "bad"), ("", "bad")])
def test_tasks_of_star_imports(tmp_path: Path, kind: str, delegate: str, status: str) -> None:
    given = f"delegate=BaseOptions.Delegate.{delegate}" if delegate else "model_asset_path='x'"
    options = f"HandLandmarkerOptions(base_options=BaseOptions({given}))"
    code = f"{STARS[kind]}task = HandLandmarker.create_from_options({options})\n"
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == status, lines(answer)


def test_a_star_of_all_of_mediapipe(tmp_path: Path) -> None:
    code = (
        "from mediapipe import *\nV = tasks.vision\nV.HandLandmarker.create_from_model_path('x')\n"
    )
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "bad"
    assert "a.py:3" in lines(answer)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("A.swift", "import MediaPipeTasksVision\n"),
        ("Podfile", "pod 'MediaPipeTasksVision', '0.10.14'\n"),
        ("A.cs", "using Mediapipe.Unity;\n"),
        ("manifest.json.in", '"com.github.homuler.mediapipe": "0.12"\n'),
        ("build.gradle", 'implementation "com.google.mediapipe:tasks-vision:0.10.14"\n'),
        ("fast.pyx", "import mediapipe as mp\ncdef int f(): pass\n"),
    ],
)
def test_programs_in_other_languages_are_listed(tmp_path: Path, name: str, text: str) -> None:
    answer = judged(tmp_path, {name: text}, device="orin")["legacy-api"]
    assert answer.result.status == "unknown"
    assert f"not read: {name}" in lines(answer)


def test_a_notebook_as_colab_writes_it(tmp_path: Path) -> None:
    cells = [f"!pip install -q {OLD}", "%%capture\n%pip install -U mediapipe==0.10.5"]
    book = {"cells": [{"cell_type": "code", "source": text} for text in cells]}
    answer = judged(tmp_path, {"a.ipynb": json.dumps(book)}, device="orin")["old-requirement"]
    assert [finding.place() for finding in answer.result.findings] == ["a.ipynb: cell 2, line 2"]


def test_a_helper_that_is_called_again_for_the_cpu_is_no_fault(tmp_path: Path) -> None:
    code = (
        "from mediapipe.tasks.python import BaseOptions, vision\nD = BaseOptions.Delegate\n"
        "def make(d):\n    b = BaseOptions('x', d=d)\n"
        "    options = vision.HandLandmarkerOptions(base_options=b)\n"
        "    return vision.HandLandmarker.create_from_options(options)\n"
        "try:\n    task = make(D.GPU)\nexcept RuntimeError:\n    task = make(D.CPU)\n"
    ).replace("d=d", "delegate=d")
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "unknown", lines(answer)
    assert "it falls back to the CPU" in lines(answer)
    first_cpu = code.replace("D.GPU", "D.CPU", 1)
    answer = judged(tmp_path, {"a.py": first_cpu}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "bad", lines(answer)


@pytest.mark.parametrize(
    "code",
    [
        "import pytest\nmp = pytest.importorskip('mediapipe')\nmp.solutions.hands.Hands()\n",
        "import lazy_loader as lazy\nmp = lazy.load('mediapipe')\nmp.solutions.hands.Hands()\n",
        "from importlib import import_module as im\nmp = im('mediapipe')\n"
        "mp.solutions.hands.Hands()\n",
        "mp = __import__('mediapipe')\n\nmp.solutions.hands.Hands()\n",
    ],
)
def test_modules_that_are_imported_by_a_function(tmp_path: Path, code: str) -> None:
    answer = judged(tmp_path, {"a.py": code}, device="orin")["legacy-api"]
    assert answer.result.status == "bad"
    assert "a.py:3" in lines(answer)


def test_a_notebook_that_was_exported(tmp_path: Path) -> None:
    code = f"import mediapipe\nget_ipython().system('pip install {OLD}')\n"
    code += "get_ipython().run_line_magic('pip', 'install mediapipe==0.10.5')\n"
    code += "get_ipython().run_cell_magic('bash', '', 'pip install mediapipe==0.10.7')\n"
    answer = judged(tmp_path, {"a.py": code}, device="orin")["old-requirement"]
    places = [finding.place() for finding in answer.result.findings]
    assert places == ["a.py:2", "a.py:3", "a.py:4"]
