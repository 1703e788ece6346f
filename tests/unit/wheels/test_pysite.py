"""Python layers: unpacked by uv, with nothing of the build machine in them."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.wheels import pysite
from jetson_kit.wheels.pysite import Installed

SITE = "opt/mediapipe/lib/python3.11/site-packages"


def wheel(folder: Path) -> Path:
    """Make a wheel with a console script and a native library for aarch64."""
    info = "tiny-1.0.dist-info"
    files = {
        "tiny/__init__.py": "def main(): pass\n",
        "tiny/lib.so": "elf",
        f"{info}/METADATA": (
            "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\nLicense: MIT\nRequires-Dist: absent\n"
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
        "Tag: cp311-cp311-manylinux_2_17_aarch64\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    }
    rows = []
    folder.mkdir(parents=True)
    path = folder / "tiny-1.0-cp311-cp311-manylinux_2_17_aarch64.whl"
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f"{name},sha256={digest.decode().rstrip('=')},{len(text)}\n")
        out.writestr(f"{info}/RECORD", "".join([*rows, f"{info}/RECORD,,\n"]))
    return path


def layer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> pysite.SiteLayer:
    monkeypatch.setenv("KIT_CACHE", str(folder / "cache"))
    return pysite.wheel(wheel(folder / "wheels"), "3.11", "arm64")


def test_a_wheel_of_another_machine_is_unpacked_without_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = layer(tmp_path / "one", monkeypatch)
    second = layer(tmp_path / "two" / "deeper", monkeypatch)
    assert first.tar.read_bytes() == second.tar.read_bytes()
    assert str(tmp_path).encode() not in first.tar.read_bytes()
    assert first.installed == (Installed("tiny", "1.0", "MIT"),)
    with tarfile.open(first.tar) as archive:
        names = {info.name for info in archive if info.isfile()}
        record = archive.extractfile(f"{SITE}/tiny-1.0.dist-info/RECORD")
        assert record is not None
        rows = [row[0] for row in csv.reader(record.read().decode().splitlines())]
    assert {f"{SITE}/{row}" for row in rows} == names
    assert f"{SITE}/tiny/lib.so" in names
    assert not [name for name in names if "/bin/" in name or name.endswith(".json")]


def test_the_cache_is_used_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_layer = layer(tmp_path, monkeypatch)
    (path,) = (tmp_path / "wheels").iterdir()
    raw, inode = site_layer.tar.read_bytes(), site_layer.tar.stat().st_ino
    assert pysite.wheel(path, "3.11", "arm64") == site_layer
    assert site_layer.tar.stat().st_ino == inode
    site_layer.tar.write_bytes(raw[:1024])
    assert pysite.wheel(path, "3.11", "arm64") == site_layer
    assert site_layer.tar.read_bytes() == raw
    for text in ("", "{}", "[[1]]"):
        site_layer.tar.with_suffix(".json").write_text(text)
        assert pysite.wheel(path, "3.11", "arm64").installed == site_layer.installed
    assert json.loads(site_layer.tar.with_suffix(".json").read_text())


def test_a_damaged_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    path = wheel(tmp_path / "wheels")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StepFailedError) as caught:
        pysite.wheel(path, "3.11", "arm64")
    assert isinstance(caught.value, KitError)
    assert "tiny-1.0" in caught.value.line()
    assert not list((tmp_path / "cache" / "layers").iterdir())


def test_a_wheel_for_another_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StepFailedError):
        pysite.wheel(wheel(tmp_path / "wheels"), "3.11", "amd64")
