"""What scripts, programs and files do only on other machines is no fault of a board's project."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import projects

from tests.unit.doctor_scenes import judged, lines

TASK = """from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import HandLandmarker, HandLandmarkerOptions
D = BaseOptions.Delegate
def make(delegate):
    base = BaseOptions(model_asset_path="h.task", delegate=delegate)
    return HandLandmarker.create_from_options(HandLandmarkerOptions(base_options=base))
"""
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


def places(tmp_path: Path, files: dict[str, str]) -> tuple[str, list[str]]:
    """Return what is said of the wheels that a project on an Orin asks for, and where."""
    result = judged(tmp_path, files, device="orin")["old-requirement"].result
    return result.status, [item.place() for item in result.findings]


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


def test_functions_that_call_each_other_do_not_take_for_ever(tmp_path: Path) -> None:
    bodies = [f"f{at}() {{\n" + f"  f{at + 1}\n" * 40 + "}\n" for at in range(12)]
    script = "".join(bodies) + f"if f0; then\n  pip install {OLD}\nfi\n"
    status, found = places(tmp_path, {"install.sh": script})
    assert (status, len(found)) == ("bad", 1)


# Functions that tell a board, as programs write them.
ANSWERS = [
    "def is_jetson():\n    return os.path.exists('/etc/nv_tegra_release')\n",
    "def is_jetson() -> bool:\n    'Tell.'\n    return Path('/etc/nv_tegra_release').is_file()\n",
    "def is_jetson():\n    return platform.machine() == 'aarch64' and (\n"
    "        os.path.exists('/etc/nv_tegra_release') or os.path.exists('/etc/x'))\n",
    "def is_jetson():\n    try:\n        with open('/proc/device-tree/model', 'r') as f:\n"
    "            model = f.read().lower()\n            if 'jetson' in model or 'x' in model:\n"
    "                return True\n    except (OSError, PermissionError):\n        pass\n"
    "    return False\n",
    "def is_jetson():\n    try:\n        with open('/proc/device-tree/model', 'rb') as f:\n"
    "            return b'jetson' in f.read().lower()\n    except OSError:\n        return False\n",
    "def is_jetson():\n    if not os.path.isfile('/proc/device-tree/model'):\n"
    "        return False\n"
    "    return 'Raspberry Pi' not in open('/proc/device-tree/model').read()\n",
    "def is_jetson():\n    return 'NVIDIA' in Path('/proc/device-tree/model').read_text()\n",
    "def on_tegra():\n    return os.path.exists('/etc/nv_tegra_release')\n"
    "def is_jetson(quiet=True):\n    if on_tegra():\n        return True\n    return False\n",
]
OTHERS = [
    "def is_jetson():\n    return os.path.exists('/etc/other')\n",
    "def is_jetson():\n    return 'Orin' in open('/proc/device-tree/model').read()\n",
    "try:\n    from tools import is_jetson\nexcept ImportError:\n    def is_jetson():\n"
    "        return not os.path.exists('/etc/nv_tegra_release')\n",
    "def is_jetson():\n    if platform.machine() != 'aarch64':\n        return False\n"
    "    try:\n        run(['nvidia-smi'])\n        return True\n"
    "    except OSError:\n        return False\n",
    "def is_jetson():\n    if platform.machine() != 'aarch64':\n        return False\n"
    "    try:\n        out = run(['nvidia-smi'])\n        return True\n"
    "    except OSError:\n        return False\n",
    "def is_jetson():\n    if platform.machine() != 'aarch64':\n        return False\n"
    "    try:\n        import tensorrt\n        return True\n"
    "    except ImportError:\n        return False\n",
    "def is_jetson():\n    return not forced and os.path.exists('/etc/nv_tegra_release')\n",
    "def is_jetson():\n    for a in b:\n        return a\n"
    "    return os.path.exists('/proc/version')\n",
    "@cached\ndef is_jetson():\n    return os.path.exists('/etc/nv_tegra_release')\n",
    "def is_jetson():\n    return is_jetson() or os.path.exists('/etc/other') # /proc/version\n",
]
IMPORTS = "import os, platform\nfrom pathlib import Path\n"
CHOICE = "make(D.GPU if is_jetson() else D.CPU)\n"


@pytest.mark.parametrize("function", ANSWERS)
def test_a_function_that_tells_a_board(function: str, tmp_path: Path) -> None:
    code = IMPORTS + TASK + function + CHOICE
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "ok", lines(answer)
    code = IMPORTS + TASK + function + CHOICE.replace("is_jetson", "not is_jetson")
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "bad", lines(answer)
    code = IMPORTS + function + "if is_jetson():\n    os.system('pip install mediapipe==1.2.2')\n"
    code += "else:\n    os.system('pip install mediapipe==0.10.21')\n"
    assert places(tmp_path, {"a.py": code}) == ("ok", [])


@pytest.mark.parametrize("function", OTHERS)
def test_a_function_that_may_tell_something_else(function: str, tmp_path: Path) -> None:
    code = IMPORTS + TASK + function + CHOICE
    answer = judged(tmp_path, {"a.py": code}, device="orin")["gpu-not-requested"]
    assert answer.result.status == "unknown", lines(answer)


@pytest.mark.parametrize(
    ("name", "text", "words"),
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
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    assert words in judged(tmp_path, {name: text}, device="orin")["old-requirement"].cure


def test_an_image_of_mediapipe_in_a_compose_file_is_judged(tmp_path: Path) -> None:
    text = "services:\n  a:\n    image: someone/mediapipe:l4t32.7.1-py3.8.0\n"
    text = text.replace("someone", "ghcr.io/lanzani")
    answer = judged(tmp_path, {"compose.yml": text, "a.py": "import mediapipe"})["project-python"]
    assert answer.cure.startswith("compose.yml:3: take the kit's image: ")


@pytest.mark.parametrize(
    "files",
    [
        {"compose.yml": "services:\n  a:\n    image: IMAGE\n"},
        {"Dockerfile": "FROM IMAGE\nCOPY a.py /\nCMD [python3, /a.py]\n"},
        {"Dockerfile": "FROM IMAGE AS b\nRUN pip install flask\nFROM b\n"},
    ],
)
def test_an_image_may_bring_a_mediapipe_of_its_own(files: dict[str, str], tmp_path: Path) -> None:
    image = "ghcr.io/lanzani/mediapipe:l4t35.4.1-py3.8.10-ocv4.8.0-mp0.10.7"
    plant = {name: text.replace("IMAGE", image) for name, text in files.items()}
    result = judged(tmp_path, {**plant, "a.py": "import mediapipe"})
    for cause in ("project-python", "old-requirement"):
        assert result[cause].result.status == "unknown"
        assert "brings a MediaPipe 0.10.7 of its own for Python 3.8" in lines(result[cause])


@pytest.mark.parametrize(
    ("tag", "l4t"),
    [
        ("l4t-tensorrt:r10.3.0-devel", "L4T 36.4"),
        ("l4t-tensorrt:r8.2.1-runtime", "L4T 32.7"),
        ("l4t-cuda:12.6.11-runtime", "L4T 36.4"),
        ("l4t-cuda:10.2.460-runtime", "L4T 32.7"),
    ],
)
def test_an_image_by_the_version_of_its_library(tag: str, l4t: str) -> None:
    known = projects.image(f"nvcr.io/nvidia/{tag}")
    assert known is not None
    assert l4t in known.about


def test_a_package_of_a_long_command_has_its_own_line(tmp_path: Path) -> None:
    wheel = "https://example.org/mediapipe-for-boards/mediapipe-0.10.3-cp38-cp38-linux_aarch64.whl"
    text = (
        f"pip install \\\n  '{wheel}' \\\n  --quiet || \\\npip install mediapipe || \\\necho no\n"
    )
    answer = judged(tmp_path, {"a.sh": text})["old-requirement"]
    assert "a.sh:2: a wheel file" in lines(answer)
    assert "a.sh:4: mediapipe: pip takes" in lines(answer)
