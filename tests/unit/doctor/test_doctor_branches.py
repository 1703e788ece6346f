"""What scripts, programs and files do only on other machines is no fault of a board's project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor.projects import places
from tests.unit.doctor_scenes import judged, lines

OLD, NEW = "mediapipe==0.10.21", "mediapipe==1.2.2"


JETSON = {
    "is_jetson": "is_jetson() { [ -f /etc/nv_tegra_release ]; }",
    "on_jetson": "function on_jetson {\n  [[ -e /etc/nv_tegra_release ]]\n}",
    "is_arm": "is_arm ()\n{\n  local arch=$(uname -m)\n"
    '  [[ "$arch" == aarch64 || $arch == arm64 ]]\n}',
    "is_tegra": "is_tegra() {\n  if [ -f /etc/nv_tegra_release ]; then\n    return 0\n  fi\n"
    "  return 1\n}",
    "is_l4t": "is_l4t() { [ -f /etc/nv_tegra_release ] && return 0 || return 1; }",
    "is_board": "is_board() { is_model || return 1; }\n"
    "is_model() { grep -q 'NVIDIA Jetson' /proc/device-tree/model 2>/dev/null; }",
    "has_tools": "has_tools() { command -v tegrastats &> /dev/null; }",
    "by_kernel": "by_kernel() { uname -r | grep -q tegra; }",
}
PLATFORMS = [
    "PLATFORM=pc\nif [ -f /etc/nv_tegra_release ]; then\n  PLATFORM=jetson\nfi",
    "if [ $(uname -m) = x86_64 ]; then PLATFORM=pc; else PLATFORM=jetson; fi",
    "detect() {\n  if grep -qi jetson /proc/device-tree/model; then\n    echo jetson\n"
    "  else\n    echo pc\n  fi\n}\n"
    'PLATFORM="$(detect)"',
    "detect() {\n  if [ -f /etc/nv_tegra_release ]; then\n    PLATFORM=jetson\n"
    "  else\n    PLATFORM=pc\n  fi\n}\ndetect",
    'case "$(uname -m)" in\n  aarch64|arm64) PLATFORM=jetson ;;\n  *) PLATFORM=pc ;;\nesac',
]
FLAG = "IS_JETSON=false\n[ -f /etc/nv_tegra_release ] && IS_JETSON=true\n"
FLAGS = [
    f"true; then :; fi\n{FLAG}if $IS_JETSON",
    f'true; then :; fi\n{FLAG}if [ "$IS_JETSON" = true ]',
    "true; then :; fi\nJETSON=\nif [ -e /proc/device-tree/model ]; then JETSON=1; fi\n"
    'if [ -n "$JETSON" ]',
    "[ $(uname -m) = aarch64 -a -f /etc/nv_tegra_release ]",
    "[[ \"$(uname -s | tr '[:upper:]' '[:lower:]')\" == linux ]]",
]
NOT_TOLD = [
    "f() { [ -f /etc/other ]; }",
    "f() { [ -f /etc/nv_tegra_release ] && return $1; }",
    "f() { grep -q x /etc/nv_tegra_release; }",
    "f() { f; }",
    "f() { for a in $(ls); do return 1; done; }",
    "f() { command -v docker; }",
]
NOT_SET = [
    "P=jetson\n[ $1 = pc ] && P=pc",
    "P=jetson\nuse_pc() { P=pc; }",
    "use_board() { P=jetson; }\nP=pc",
    "P=jetson\nfor P in $(ls); do :; done",
    "P=jetson\nread -r P",
    "P=jetson\ncase $1 in pc) P=pc ;; esac",
]


# Two lines after which a variable may be another one.
CHANGED = [
    "X=0\n[ -f .env ] && . ./.env",
    "X=0\nsource ./settings.sh",
    "X=0\neval $(./settings)",
    "X=0\nread -r X",
    "X=0\nIFS= read -r X",
    "X=0\nX+=1",
    "X=0\nlet X++",
    "X=0\n((X++))",
    "X=0\n(( X = X + 1 ))",
    "X=1; trap 'X=0' EXIT\nX=0",
    "X=1\n(X=0)",
    "X=0\nwhile read X; do true; done",
]


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
        *(
            f"{function}\nif {name}; then\n  pip install {NEW}\nelse\n  pip install {OLD}\nfi\n"
            for name, function in JETSON.items()
        ),
        *(
            f"{function}\nif ! {name} >/dev/null 2>&1; then pip install {OLD}; fi\n"
            f"pip install {NEW}\n"
            for name, function in JETSON.items()
        ),
        *(
            f"{platform}\ncase $PLATFORM in\n jetson) pip install {NEW} ;;\n"
            f" *) pip install {OLD} ;;\nesac\n"
            for platform in PLATFORMS
        ),
        *(
            f"if {flag}; then\n  pip install {NEW}\nelse\n  pip install {OLD}\nfi\n"
            for flag in FLAGS
        ),
        f"is_pc() {{ [ $(uname -m) = x86_64 ]; }}\nis_pc && pip install {OLD}\npip install {NEW}\n",
        f"[ -f /etc/nv_tegra_release ] || pip install {OLD}\npip install {NEW}\n",
        f"[ $(uname -m) = x86_64 ] && {{\n  pip install {OLD}\n}}\npip install {NEW}\n",
        "if cat /proc/device-tree/model 2>/dev/null | grep -qi 'raspberry pi'; then\n"
        f"  pip install {OLD}\nfi\npip install {NEW}\n",
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
        *((f"{function}\nif f; then\n  pip install {OLD}\nfi\n", 3) for function in NOT_TOLD),
        *((f"{text}\nif [ $P = pc ]; then\n  pip install {OLD}\nfi\n", 4) for text in NOT_SET),
        (f"[ $1 = x ] && pip install {OLD}\n", 1),
        (f"[ $(uname -m) = aarch64 ] && pip install {OLD}\n", 1),
        (f"[ $(uname -m) = x86_64 ] && true || pip install {OLD}\n", 1),
        (f"command -v docker || pip install {OLD}\n", 1),
        # Options of other commands are no operators of a test.
        (f"curl -fsSL x -o f.whl || pip install {OLD}\n", 1),
        (f"apt-get -o X=3 install y || pip install {OLD}\n", 1),
        *((f"{text}\nif [ $X = 1 ]; then\n  pip install {OLD}\nfi\n", 4) for text in CHANGED),
        (f"for i in a b; do\n if [ $X = 1 ]; then X=0; else\n pip install {OLD}; fi; done\n", 3),
        (f"X=1; for i in a b; do\n [ $X = 1 ] && X=0 || \\\n pip install {OLD}; done\n", 3),
        (f"pip install {NEW} || true\nif [ $X = $(uname -m) ]; then\n  pip install {OLD}\nfi\n", 3),
    ],
)
def test_what_a_script_may_do_on_a_board_is_judged(script: str, line: int, tmp_path: Path) -> None:
    assert places(tmp_path, {"install.sh": script}) == ("bad", [f"install.sh:{line}"])


def test_each_run_has_a_shell_of_its_own(tmp_path: Path) -> None:
    text = f'FROM python:3.11\nRUN export A=1\nRUN if [ -z "$A" ]; then pip install {OLD}; fi\n'
    assert places(tmp_path, {"Dockerfile": text}) == ("bad", ["Dockerfile:3"])


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
    message = lines(answer["old-requirement"])
    assert "asks for mediapipe on a Jetson: requirements.txt:1" in message
    assert marker in message


def test_functions_that_call_each_other_do_not_take_for_ever(tmp_path: Path) -> None:
    bodies = [f"f{at}() {{\n" + f"  f{at + 1}\n" * 40 + "}\n" for at in range(12)]
    script = "".join(bodies) + f"if f0; then\n  pip install {OLD}\nfi\n"
    status, matches = places(tmp_path, {"install.sh": script})
    assert (status, len(matches)) == ("bad", 1)
