"""What scripts, programs and files do only on other machines is no fault of a board's project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

TASK = """from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import HandLandmarker, HandLandmarkerOptions
D = BaseOptions.Delegate
def make(delegate):
    base = BaseOptions(model_asset_path="h.task", delegate=delegate)
    return HandLandmarker.create_from_options(HandLandmarkerOptions(base_options=base))
"""
OLD, NEW = "mediapipe==0.10.21", "mediapipe==1.2.2"


def places(tmp_path: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    """Return what is said of the wheels that a project on an Orin asks for, and where."""
    result = judged(tmp_path, files, device="orin")["old-requirement"].result
    return result.status, [item.place() for item in result.findings]


@pytest.mark.parametrize(
    "script",
    [
        f'if [ "$(uname -m)" = "aarch64" ]; then\n  pip install {NEW}\nelse\n'
        f"  pip install {OLD}\nfi\n",
        f"if [[ `uname -m` == x86_64 ]]\nthen pip install {OLD}\nelse pip install {NEW}; fi\n",
        "A=$(uname -m)\nif [[ $A == arm* ]] || [[ $A == aarch64 ]]; then\n"
        f"  pip install {NEW}\nelif [ $A = x86_64 ]; then\n  pip install {OLD}\nfi\n",
        f'if [ "$(uname -s)" != "Linux" ]; then pip install mediapipe-silicon; fi\n'
        f"pip install {NEW}\n",
        f"if [ -f /etc/nv_tegra_release ]; then\n pip install {NEW}\nelse\n"
        f" pip install {OLD}\nfi\n",
        f"case $(uname -m) in\n x86_64|amd64) pip install {OLD};;\n"
        f" aarch64) pip install {NEW};;\nesac\n",
        'case "$(dpkg --print-architecture)" in\n  amd64) V=0.10.21 ;;\n  arm64) V=1.2.2 ;;\nesac\n'
        'pip install "mediapipe==$V"\n',
        f"if ! [ $(uname -m) = aarch64 ]; then # isn't a board\n pip install {OLD}\nfi\n"
        f"pip install {NEW}\n",
        'case "$OSTYPE" in\n darwin*) pip install mediapipe-silicon ;;\n linux-gnu*)\n'
        f"  case $(uname -m) in\n   armv7l) pip install mediapipe-rpi4 ;;\n"
        f"   aarch64) pip install {NEW} ;;\n   *) pip install {OLD} ;;\n  esac ;;\nesac\n",
        f"pip install {NEW} || pip install mediapipe-silicon || echo failed\n",
        f"pip install {NEW} || {{\n  echo again\n  pip install {OLD}\n}}\n",
        f"if pip install {NEW}; then echo yes; else pip install {OLD}; fi\n",
    ],
)
def test_what_a_script_does_elsewhere_is_none_of_it(script: str, tmp_path: Path) -> None:
    assert places(tmp_path, {"install.sh": script}) == ("ok", [])


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (f'if [ "$1" = x ]; then\n  pip install {OLD}\nfi\n', 2),
        (f'if [ "$(uname -m)" = aarch64 ]; then\n  pip install {OLD}\nelse\n  x\nfi\n', 2),
        (f"case $1 in\n a) x ;;\n b) pip install {OLD} ;;\nesac\n", 3),
        (f"pip install {OLD} || pip install {NEW}\n", 1),
        (f"pip install numpy || pip install {OLD}\n", 1),
        # What can't be followed counts as it stands.
        (f'if [ "$(uname -m)" = x86_64 ]; then\n  pip install {OLD}\n', 2),
        (f"echo it's\nif [ $(uname -m) = x86_64 ]; then\n  pip install {OLD}\nfi\n", 3),
        (f"pip install {NEW} || true\nif [ $X = $(uname -m) ]; then\n  pip install {OLD}\nfi\n", 3),
    ],
)
def test_what_a_script_may_do_on_a_board_is_judged(script: str, line: int, tmp_path: Path) -> None:
    assert places(tmp_path, {"install.sh": script}) == ("bad", [f"install.sh:{line}"])


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "Dockerfile",
            'FROM python:3.11\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = arm64 ]; then \\\n'
            f"      pip install mediapipe==0.10.9; \\\n    else \\\n"
            f"      pip install {OLD}; \\\n    fi\n",
            4,
        ),
        (
            "Makefile",
            "M := $(shell uname -m)\nifeq ($(M),x86_64)\ninstall:\n\tpip install "
            f"{OLD}\nelse\ninstall:\n\tpip install mediapipe==0.10.9\nendif\n",
            7,
        ),
        (
            "Makefile",
            f'ifneq ("$(shell uname -m)", "aarch64")\na:\n\tpip install {OLD}\nendif\n'
            "b:\n\tpip install mediapipe==0.10.9\n",
            6,
        ),
    ],
)
def test_dockerfiles_and_makefiles_have_branches(
    name: str, text: str, line: int, tmp_path: Path
) -> None:
    files = {name: text}
    assert places(tmp_path, files) == ("bad", [f"{name}:{line}"])


@pytest.mark.parametrize(
    "program",
    [
        'if platform.machine() == "aarch64":\n    reqs = ["mediapipe>=1.2"]\nelse:\n'
        '    reqs = ["mediapipe==0.10.21"]\n',
        'reqs = ["mediapipe==0.10.21"] if os.uname().machine == "x86_64" else ["mediapipe>=1.2"]\n',
        'ARM = platform.machine().lower() in ("arm64", "aarch64")\n'
        'reqs = ["mediapipe>=1.2"] if ARM else ["mediapipe==0.10.21"]\n',
        'reqs = ["mediapipe>=1.2"]\n'
        'if sys.platform.startswith("win") or platform.system() == "Darwin":\n'
        '    reqs = ["mediapipe==0.10.9"]\n',
    ],
)
def test_a_setup_has_branches(program: str, tmp_path: Path) -> None:
    head = "import os, platform, sys\nfrom setuptools import setup\n"
    text = f"{head}{program}setup(install_requires=reqs)\n"
    assert places(tmp_path, {"setup.py": text}) == ("ok", [])


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ('make(D.GPU if platform.machine() == "aarch64" else D.CPU)', "ok"),
        ('if platform.machine() == "x86_64":\n    d = D.GPU\nelse:\n    d = D.CPU\nmake(d)', "bad"),
        ('if sys.platform == "linux":\n    make(D.GPU)\nelse:\n    make(D.CPU)', "ok"),
        (
            'def f(machine):\n    return D.GPU if machine == "aarch64" else D.CPU\n'
            "make(f(input()))",
            "unknown",
        ),
        ('for machine in x:\n    make(D.GPU if machine == "aarch64" else D.CPU)', "unknown"),
    ],
)
def test_a_delegate_by_the_machine_is_followed(way: str, status: str, tmp_path: Path) -> None:
    files = {"app.py": f"import platform, sys\n{TASK}{way}\n"}
    answer = judged(tmp_path, files, device="orin")["gpu-not-requested"]
    assert answer.result.status == status, lines(answer)


@pytest.mark.parametrize(
    "name",
    [
        "requirements-mac.txt",
        "requirements_windows.txt",
        "requirements-linux-x86_64.txt",
        "requirements.amd64.txt",
        "install-macos.sh",
        "Dockerfile.x86",
    ],
)
def test_files_for_other_machines_are_known_by_their_names(name: str, tmp_path: Path) -> None:
    text = f"{OLD}\n" if name.endswith(".txt") else f"FROM python:3.8\nRUN pip install {OLD}\n"
    files = {name: text, "requirements.txt": f"{NEW}\n"}
    assert places(tmp_path, files) == ("ok", [])
    assert not judged(tmp_path / "2", files, device="orin")["project-python"].bad


@pytest.mark.parametrize(
    "name",
    ["requirements-linux-windows.txt", "requirements-x86-jetson.txt", "requirements-window.txt"],
)
def test_a_name_that_is_for_boards_too_counts(name: str, tmp_path: Path) -> None:
    assert places(tmp_path, {name: f"{OLD}\n"}) == ("bad", [f"{name}:1"])


def test_a_project_that_asks_for_it_elsewhere_alone_says_so(tmp_path: Path) -> None:
    marker = "platform_machine == 'x86_64'"
    answer = judged(tmp_path, {"requirements.txt": f"{NEW}; {marker}\n"}, device="orin")
    told = lines(answer["old-requirement"])
    assert "asks for mediapipe on a Jetson: requirements.txt:1" in told
    assert marker in told
