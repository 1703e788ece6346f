"""The programs of an application's packages: run by the image's Python, with the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from jetson_kit.core.errors import StepFailedError
from jetson_kit.wheels import console_scripts, pysite

BIN, SITE = "opt/mediapipe/bin", "opt/mediapipe/lib/python3.11/site-packages"
PYTHON = "/opt/mediapipe/bin/python3"
LINE = f"#!{PYTHON}\n".encode()
POINTS = "[console_scripts]\ngreet = greet:Tool.main [extra]\n[gui_scripts]\ngreet-gui=greet:main\n"


def wheel(folder: Path, name: str, points: str, scripts: dict[str, bytes]) -> Path:
    """Make a wheel with entry points and scripts."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": b"def main(): pass\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points.encode(),
        **{f"{name}-1.0.data/scripts/{script}": text for script, text in scripts.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        for member, content in files.items():
            out.writestr(member, content)
        rows = "".join(f'"{member}",,\n' for member in (*files, f"{info}/RECORD"))
        out.writestr(f"{info}/RECORD", rows)
    return path


def layer(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *wheels: Path,
    check: Callable[[Path], None] = lambda _: None,
    judged_by: str = "",
) -> Path:
    """Return the layer of an application with these wheels."""
    monkeypatch.setenv("KIT_CACHE", str(folder / "cache"))
    lines = [
        f"{path.name.partition('-')[0]} @ {path.as_uri()} "
        f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in wheels
    ]
    contents = "".join(path.name for path in wheels)
    return pysite.application(
        "".join(lines), contents, "3.11", "arm64", "aarch64-manylinux_2_28", check, judged_by
    ).tar


def programs(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as archive:
        members = [item for item in archive if item.isfile() and item.name.startswith(BIN)]
        assert {item.mode for item in members} <= {0o755}
        streams = {item.name.removeprefix(f"{BIN}/"): archive.extractfile(item) for item in members}
        return {name: stream.read() for name, stream in streams.items() if stream}


SCRIPTS = {
    "own-python": b"#!python\nprint(1)\n",
    "system-python": b"#!/usr/bin/python3 -s\nprint(1)\n",
    "by-env": b"#!/usr/bin/env python3\nprint(1)\n",
    "shell": b"#!/bin/sh\necho python3\n",
    "native": b"\x7fELF\0python\n",
}


def test_an_applications_layer_has_its_packages_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = layer(tmp_path / "one", monkeypatch, wheel(tmp_path / "w", "greet", POINTS, SCRIPTS))
    longer = tmp_path / "a folder of its own" / "two"
    second = layer(longer, monkeypatch, wheel(longer / "w", "greet", POINTS, SCRIPTS))
    assert first.read_bytes() == second.read_bytes()
    contents = programs(first)
    assert set(contents) == {"greet", "greet-gui", *SCRIPTS}
    assert contents["greet"].startswith(LINE)
    assert b"from greet import Tool\n" in contents["greet"]
    assert b"sys.exit(Tool.main())" in contents["greet"]
    assert contents["own-python"] == LINE + b"print(1)\n"
    assert contents["system-python"] == LINE.rstrip() + b" -s\nprint(1)\n"
    assert {name: contents[name] for name in ("by-env", "shell", "native")} == {
        name: SCRIPTS[name] for name in ("by-env", "shell", "native")
    }
    assert sys.prefix.encode() not in first.read_bytes()


def test_a_packages_record_names_its_programs_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = layer(tmp_path, monkeypatch, wheel(tmp_path / "w", "greet", POINTS, SCRIPTS))
    with tarfile.open(tar) as archive:
        stream = archive.extractfile(f"{SITE}/greet-1.0.dist-info/RECORD")
        assert stream is not None
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(stream.read().decode()))}
    assert not [name for name in rows if name.startswith("bin/")]
    for name, content in programs(tar).items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert rows[f"../../../bin/{name}"] == [f"sha256={digest}", str(len(content))]


def test_two_packages_with_one_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = [
        wheel(tmp_path / "w", name, f"[console_scripts]\ntool = {name}:main\n", {})
        for name in ("alpha", "beta")
    ]
    first = layer(tmp_path / "one", monkeypatch, *pair)
    second = layer(tmp_path / "two", monkeypatch, *reversed(pair))
    assert programs(first) == programs(second)
    assert b"from beta import main\n" in programs(first)["tool"]


@pytest.mark.parametrize("name", ["python3", "python", "python3.11"])
def test_the_images_python_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = wheel(tmp_path / "w", "greet", "", {name: b"#!/bin/sh\n"})
    with pytest.raises(StepFailedError, match=r"greet-1\.0"):
        layer(tmp_path, monkeypatch, path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"#!/home/x/.venv/bin/python3.12\nx", LINE + b"x"),
        (b"#! /usr/bin/pythonw -u\nx", LINE.rstrip() + b" -u\nx"),
        (b"#!python", LINE.rstrip()),
        (b"#!/bin/sh\n'''exec' '/a folder/python' \"$0\" \"$@\"\n' '''\nx", LINE + b"x"),
        (b"#!/usr/bin/env -S python3 -u\nx", b"#!/usr/bin/env -S python3 -u\nx"),
        (b"#!/opt/my-python\nx", b"#!/opt/my-python\nx"),
        (b"#!/bin/sh\n'''exec'", b"#!/bin/sh\n'''exec'"),
        (b"", b""),
    ],
)
def test_the_first_line_of_a_script(before: bytes, after: bytes) -> None:
    assert console_scripts.relocated(before, PYTHON) == after


def test_a_launcher_runs_the_function_and_ends_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "greet.py").write_text(
        "import sys\nclass Tool:\n    @staticmethod\n    def main():\n"
        "        print(sys.argv[1:])\n        return 3\n"
    )
    point = EntryPoint("greet", "greet:Tool.main", "console_scripts")
    program = tmp_path / "greet-it"
    program.write_bytes(console_scripts.launcher(point, sys.executable))
    program.chmod(0o755)
    done = subprocess.run([program, "--fast"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "['--fast']\n")


def test_an_entry_point_that_cannot_be_read_keeps_what_uv_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wheel(
        tmp_path / "wheels", "odd", "[console_scripts]\nhy = ee-x:main\nok = odd:main\n", {}
    )
    contents = programs(layer(tmp_path, monkeypatch, path))
    assert set(contents) == {"hy", "ok"}
    assert all(text.startswith(LINE) for text in contents.values())


def test_a_program_with_a_comma_stands_once_in_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wheel(tmp_path / "wheels", "odd", "", {"co,ma": b"#!python\n"})
    with tarfile.open(layer(tmp_path, monkeypatch, path)) as archive:
        stream = archive.extractfile(f"{SITE}/odd-1.0.dist-info/RECORD")
        assert stream
        rows = list(csv.reader(io.StringIO(stream.read().decode())))
    assert [row[0] for row in rows if "co,ma" in row[0]] == ["../../../bin/co,ma"]
    assert all(len(row) == 3 for row in rows)


def test_the_same_packages_are_checked_again_for_another_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits the newer core of one image may crash on the older one of the next."""
    path = wheel(tmp_path, "door", "", {})
    checked: list[Path] = []
    tars = [
        layer(tmp_path, monkeypatch, path, check=checked.append, judged_by=image).read_bytes()
        for image in ("cortex-a76", "cortex-a76", "cortex-a57", "cortex-a57")
    ]
    assert len(checked) == 2
    assert len(set(tars)) == 1
