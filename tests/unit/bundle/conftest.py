"""A small bundle for this machine."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.bundle import build, contents, older, payload
from jetson_kit.bundle.older import Older
from jetson_kit.bundle.program import cores
from jetson_kit.core.progress import Progress
from jetson_kit.wheels.pins import Pin
from tests.unit.bundle.bundle_runs import LIBRARY, MODEL, WHEEL


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "device-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mediapipe_jetson/__init__.py", "")
        archive.writestr("mediapipe_jetson/__main__.py", WHEEL)
        archive.writestr("mediapipe_jetson/twice.py", "")
        library = zipfile.ZipInfo("mediapipe_jetson/native/lib.so")
        library.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(library, b"\x7fELF" + b"library" * 1000)
    return path


@pytest.fixture
def made(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what writes a small bundle of this machine's architecture; parts in bytes."""

    def common(arch: str, recipe: contents.Recipe, pin: Pin) -> Iterator[payload.Member]:
        del arch, recipe, pin
        yield from payload.of_wheel(wheel, "site/")
        yield payload.of_bytes(f"site/{cores.LIBRARY}", LIBRARY)
        yield payload.of_bytes("models/one.task", MODEL)
        yield payload.of_bytes("lib/libnothing-here.so.1", b"\x7fELF")

    def for_older(pin: Pin) -> Older:
        del pin
        return Older((), ())

    def site(
        python: str, arch: str, recipe: contents.Recipe
    ) -> Iterator[tuple[str, Iterator[payload.Member]]]:
        del arch, recipe
        for name, text in ((f"numpy-1-cp{python}", f"# {python}\n"), ("certifi-1-py3", "# any\n")):
            member = payload.of_bytes(f"site/{name.partition('-')[0]}.py", text.encode())
            yield name, iter([member])

    monkeypatch.setattr(contents, "common", common)
    monkeypatch.setattr(contents, "site", site)
    monkeypatch.setattr(older, "of", for_older)
    monkeypatch.setattr(build, "MB", 1000)

    def write(name: str = "bundle", **fields: Any) -> Path:
        folder = tmp_path / name
        build.build(build.Request(output=str(folder), **fields), Progress(quiet=True))
        return folder / build.PYZ

    return write
