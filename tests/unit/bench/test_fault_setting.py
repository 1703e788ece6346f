"""An image given to bench.faults: wrong, damaged or for another processor, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.faults import command, setting, small_release
from bench.faults.setting import Setting
from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.machine import host_arch
from jetson_kit.core.output_folder import MANIFEST

OTHER = {"amd64": "arm64", "arm64": "amd64"}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a small build, as `./inv build` writes it."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    small_release.build(tmp_path / "build", "1", runnable=False)
    return tmp_path / "build"


def archive(build: Path) -> Path:
    (result,) = build.glob("*.oci.tar")
    return result


def changed(build: Path, **values: object) -> None:
    path = build / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_whole_build_is_taken(build: Path) -> None:
    assert setting.check(build=build).arch == host_arch()


def refused(build: Path) -> KitError:
    with pytest.raises(KitError) as caught:
        setting.check(build=build)
    assert "\n" not in caught.value.line()
    assert caught.value.cure
    return caught.value


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"image": 1}', '{"image": {}}', "\xff"])
def test_a_manifest_that_is_none(build: Path, text: str) -> None:
    (build / MANIFEST).write_bytes(text.encode("latin-1"))
    assert refused(build).exit_code == 2


def test_an_archive_that_is_not_whole(build: Path) -> None:
    path = archive(build)
    path.write_bytes(path.read_bytes()[:-2000])
    assert (refused(build).exit_code, refused(build).message) == (5, f"{path} is not whole")
    path.unlink()
    assert refused(build).message == f"{path} is not there"


@pytest.mark.parametrize("body", [b"nothing", b"\0" * 4096])
def test_an_archive_that_is_none(build: Path, body: bytes) -> None:
    path = archive(build)
    path.write_bytes(body)
    row = json.loads((build / MANIFEST).read_text())["archive"]
    changed(build, archive={**row, "size": len(body)})
    assert (refused(build).exit_code, refused(build).message) == (5, f"{path} is damaged")


def test_another_processor_is_told_before_a_device_is_up(build: Path) -> None:
    other = Setting("20.10", build, OTHER[host_arch()])
    cases = ["drives"]
    with pytest.raises(BadInputError) as caught:
        command.run(cases, requested=other)
    assert f"is for {other.arch}, and drives here are {host_arch()}" in caught.value.message
    setting.check_arch(Setting("20.10"), {"guests": "amd64"})
    with pytest.raises(BadInputError, match="and guests here are amd64"):
        setting.check_arch(Setting("20.10", build, "arm64"), {"guests": "amd64"})
