"""A plan with an application: its requirements and wheels are judged before anything is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.app import settings
from jetson_kit.app.settings import App
from jetson_kit.build import plan as planning
from jetson_kit.build.request import Request
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT

HASH = "a" * 63
TARGET = '[target]\nl4t = "32.7.6"\nmodule = "nano"\n'
UNUSED = "in [target] of jetson.toml left aside: this image is for this machine"


def application(folder: Path, toml: str) -> App:
    (folder / "app.py").touch()
    (folder / "jetson.toml").write_text(toml)
    return settings.load(folder)


@pytest.mark.parametrize(
    ("options", "of_board", "name"),
    [
        ({"jetson": True}, False, "r32.7.6-nano-it"),
        ({"jetson": True, "l4t": "32.7.4"}, False, "r32.7.4-nano-it"),
        ({"jetson": True, "l4t": "36.4.4"}, True, "r36.4.4-it"),
        ({"jetson": True, "module": "tx2"}, False, None),
        ({"jetson": True, "module": "tx2", "l4t": "32.7.1"}, False, "r32.7.1-tx2-it"),
        ({}, False, "native-{arch}-it"),
        ({"variant": "emulated"}, False, "native-{arch}-emulated-it"),
    ],
)
def test_target_is_what_the_command_line_leaves_open(
    tmp_path: Path, options: dict[str, Any], of_board: bool, name: str | None
) -> None:
    app = application(tmp_path, 'name = "it"\n' + TARGET)
    request = planning.by_target(Request(**options, app=app), of_board=of_board)
    if name is None:
        assert (request.l4t, request.module) == ("32.7.6", "tx2")
        return
    plan = planning.make(request)
    assert plan.name == name.format(arch=host_arch())
    assert any(UNUSED in note for note in plan.notes) == ("jetson" not in options)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("camera", "app-camera"), ("dev", "app-dev"), ("emulated", "app-emulated"),
        ("orin-nano-8gb", "app-orin-nano-8gb"), ("dev-camera", "app-dev-camera"),
        ("app-camera", "app-app-camera"), ("app", "app-app"), ("camera-door", "app-camera-door"),
        ("dev-door", "app-dev-door"), ("emulated-door", "app-emulated-door"),
        ("orin-nano-8gb-door", "app-orin-nano-8gb-door"), ("apple", "apple"),
        ("door-camera", "door-camera"), ("device", "device"), ("engines2", "engines2"),
    ],
)  # fmt: skip
def test_no_application_takes_the_name_of_another_kind_of_image(
    tmp_path: Path, name: str, part: str
) -> None:
    app = application(tmp_path, f'name = "{name}"\n')
    assert planning.make(Request(jetson=True, l4t="36.4.4", app=app)).name == f"r36.4.4-{part}"


@pytest.mark.parametrize(
    ("toml", "note"),
    [
        ('[target]\nl4t = "36.4.4"\n', f"l4t {UNUSED}"),
        ('[target]\nmodule = "nano"\n', f"module {UNUSED}"),
        (TARGET, f"l4t and module {UNUSED}"),
        ('[target]\nl4t = "no such release"\n', f"l4t {UNUSED}"),
        ('[target]\npython = "3.13"\n', ""),
        ("", ""),
    ],
)
def test_a_native_build_says_what_of_target_it_leaves_aside(
    tmp_path: Path, toml: str, note: str
) -> None:
    arguments = ("build", "--plan", "--variant", "emulated", "--app", tmp_path)
    application(tmp_path, toml)
    done = subprocess.run(
        [sys.executable, "tasks.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [
        line.split(None, 1)[1].strip() for line in done.stdout.splitlines() if UNUSED in line
    ] == ([note] if note else [])


@pytest.mark.parametrize(
    ("requirements", "code", "expected"),
    [
        ("num py\n", 2, "line 1 is no requirement"),
        ("numpy\nscipy==1.0 --hash=sha256:{HASH}\n", 2, "line 2: the hash"),
        ("./gone\n", 2, "gone is not there"),
        ("-r more.txt\n", 2, "more.txt is not there"),
        ("--upgrade numpy\n", 2, "is no option of a requirements file"),
        ("mine\n", 5, "mine-1.0-py3-none-any.whl is no wheel"),
    ],
)
def test_what_no_build_takes_is_refused(
    tmp_path: Path, requirements: str, code: int, expected: str
) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "requirements.txt").write_text(requirements.format(HASH=HASH))
    if code == 5:
        (tmp_path / "wheels").mkdir()
        (tmp_path / "wheels" / "mine-1.0-py3-none-any.whl").write_text("nothing")
    # No proxy answers there: what asks the network fails otherwise.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "tasks.py", "build", "--jetson", "--plan", "--app", tmp_path],
        cwd=ROOT,
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
