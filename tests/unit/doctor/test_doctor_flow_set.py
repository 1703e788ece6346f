"""What is set from outside: names of the project's modules, and fields after a constructor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

BASE = "from mediapipe.tasks.python import BaseOptions\n"
DELEGATE = "BaseOptions.Delegate"


def made(value: str) -> str:
    options = f"BaseOptions(model_asset_path='m', delegate={value})"
    return (
        f"v.HandLandmarker.create_from_options(v.HandLandmarkerOptions(base_options={options}))\n"
    )


HEAD = f"{BASE}from mediapipe.tasks.python import vision as v\n"
TRACK = f"""\
{HEAD}import settings
def make():
    d = {DELEGATE}.GPU if settings.USE else {DELEGATE}.CPU
    return {made("d")}
def plain():
    return {made("settings.given")}
"""
SETTINGS = f"{BASE}USE = True\ngiven = {DELEGATE}.GPU\n"
MODULES = {
    "as it is": ("import track\ntrack.make()\ntrack.plain()\n", "ok"),
    "the same": ("import settings, track\nsettings.USE = True\ntrack.make()\n", "ok"),
    "another": ("import settings, track\nsettings.USE = False\ntrack.make()\n", "unknown"),
    "as asked": (
        "import settings, sys, track\nif sys.argv[1:]:\n    settings.USE = False\ntrack.make()\n",
        "unknown",
    ),
    "by a function": (
        "import settings, track\ndef cpu():\n    settings.USE = False\ncpu()\ntrack.make()\n",
        "unknown",
    ),
    "a delegate": (f"{BASE}import settings\nsettings.given = {DELEGATE}.CPU\n", "unknown"),
    "by its name": (
        f"{BASE}import settings\nsetattr(settings, 'given', {DELEGATE}.CPU)\n",
        "unknown",
    ),
    "one that is not there": (
        f"{BASE}import os, settings\nif os.environ.get('X'):\n    settings.new = {DELEGATE}.GPU\n"
        + made("getattr(settings, 'new', None)").join((f"{HEAD}", "")),
        "unknown",
    ),
    "never": ("import settings, track\nif False:\n    settings.USE = False\ntrack.make()\n", "ok"),
}


@pytest.mark.parametrize("kind", MODULES)
def test_names_of_modules_that_others_set(tmp_path: Path, kind: str) -> None:
    main, status = MODULES[kind]
    files = {"settings.py": SETTINGS, "track.py": TRACK, "main.py": main}
    answer = judged(tmp_path, files, device="orin")["gpu-not-requested"]
    assert answer.result.status == status, lines(answer)


def test_what_tests_set_stays_theirs(tmp_path: Path) -> None:
    files = {"settings.py": SETTINGS, "track.py": TRACK, "main.py": "import track\ntrack.make()\n"}
    files["tests/test_a.py"] = "import settings\nsettings.USE = False\n"
    answer = judged(tmp_path, files, device="orin")["gpu-not-requested"]
    assert answer.result.status == "ok", lines(answer)


def kind_of(word: str, body: str, fields: str = "d: object = GPU", base: str = "") -> str:
    return (
        f"import attrs, dataclasses\nGPU, CPU = {DELEGATE}.GPU, {DELEGATE}.CPU\n"
        f"{word}\nclass C{base}:\n    {fields}\n{body}"
    )


SET = "    def __post_init__(self):\n        self.d = CPU\n"
CPU_FIRST = "d: object = CPU"
IF = """\
    def __post_init__(self):
        if open('x').read():
            self.d = GPU
"""
TRY = IF.replace("if open('x').read()", "try") + "        except OSError:\n            pass\n"
LOOP = IF.replace("if", "for _ in")
RETURN = IF.replace("self.d = GPU", "return\n        self.d = GPU")
METHOD = (
    RETURN.replace("__post_init__", "pick") + "    def __post_init__(self):\n        self.pick()\n"
)
NAMED = "    def __post_init__(self):\n        open('x').read() and setattr(self, 'd', GPU)\n"
AFTER = {
    "always": (kind_of("@dataclasses.dataclass", SET), "C().d", "bad"),
    "attrs": (kind_of("@attrs.define", SET.replace("post", "attrs_post")), "C().d", "bad"),
    "one above": (kind_of("@dataclasses.dataclass", SET) + "class D(C): pass\n", "D().d", "bad"),
    "by a field": (
        kind_of(
            "@dataclasses.dataclass",
            SET.replace("CPU", "GPU if self.fast else CPU"),
            "fast: bool\n    d: object = None",
        ),
        "C(True).d",
        "ok",
    ),
    "a default that stays": (kind_of("@dataclasses.dataclass", IF, CPU_FIRST), "C().d", "unknown"),
    "a default for the GPU": (
        kind_of("@dataclasses.dataclass", IF.replace("GPU", "CPU")),
        "C().d",
        "unknown",
    ),
    "no default": (kind_of("@dataclasses.dataclass", IF, "d: object = None"), "C().d", "unknown"),
    "a factory": (
        kind_of(
            "@dataclasses.dataclass",
            IF,
            "d: object = dataclasses.field(default_factory=lambda: CPU)",
        ),
        "C().d",
        "unknown",
    ),
    "an attempt": (kind_of("@dataclasses.dataclass", TRY, CPU_FIRST), "C().d", "unknown"),
    "a loop": (kind_of("@dataclasses.dataclass", LOOP, CPU_FIRST), "C().d", "unknown"),
    "a return before": (kind_of("@dataclasses.dataclass", RETURN, CPU_FIRST), "C().d", "unknown"),
    "in a method": (kind_of("@dataclasses.dataclass", METHOD, CPU_FIRST), "C().d", "unknown"),
    "of the one above": (
        kind_of("@dataclasses.dataclass", RETURN, CPU_FIRST)
        + "@dataclasses.dataclass\nclass D(C):\n    def __post_init__(self):\n"
        "        super().__post_init__()\n",
        "D().d",
        "unknown",
    ),
    "by its name": (kind_of("@dataclasses.dataclass", NAMED, CPU_FIRST), "C().d", "unknown"),
    "in a constructor": (kind_of("", IF.replace("post_", ""), "d = CPU"), "C().d", "unknown"),
    "by what it is given": (
        kind_of(
            "@dataclasses.dataclass",
            SET.replace("CPU", "GPU if fast else CPU").replace("(self)", "(self, fast)"),
            "fast: dataclasses.InitVar[bool]\n    d: object = None",
        ),
        "C(True).d",
        "unknown",
    ),
    "no generated constructor": (kind_of("", SET), "C().d", "ok"),
    "one of its own": (
        kind_of("@dataclasses.dataclass", "    def __init__(self): self.d = GPU\n" + SET),
        "C().d",
        "ok",
    ),
}


@pytest.mark.parametrize("kind", AFTER)
def test_what_a_generated_constructor_calls(tmp_path: Path, kind: str) -> None:
    code, value, status = AFTER[kind]
    answer = judged(tmp_path, {"a.py": HEAD + code + made(value)}, device="orin")
    assert answer["gpu-not-requested"].result.status == status, lines(answer["gpu-not-requested"])
