"""Functions by which a program tells a board: what they answer decides the delegate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor.projects import places
from tests.unit.doctor_scenes import judged, lines

TASK = """from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import HandLandmarker, HandLandmarkerOptions
D = BaseOptions.Delegate
def make(delegate):
    base = BaseOptions(model_asset_path="h.task", delegate=delegate)
    return HandLandmarker.create_from_options(HandLandmarkerOptions(base_options=base))
"""
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
