"""Wheels in an application's folder that are damaged, misnamed or for another machine: one line."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from jetson_kit.app import lock, settings, wheel_folder
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.settings import App
from jetson_kit.core.errors import KitError
from tests.unit import small_index, tiny_wheel

HELD = BasePackages(("numpy==2.2.6",), {"mediapipe": "1.2.2+jetson.2"}, "manylinux_2_36")


def wheel(folder: Path, file: str, *, about: str = "mine 1.0", machine: int | None = None) -> Path:
    """Write a wheel under any name; `machine` is that of a library in it."""
    name, version = about.split()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / file, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr(f"{info}/RECORD", "")
        archive.writestr("mine/data.bin", bytes(range(256)) * 40)
        if machine is not None:
            archive.writestr("mine/_native.so", tiny_wheel.elf(machine))
    return folder / file


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    for name, value in small_index.environment("http://127.0.0.1:9/simple/").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "it" / "wheels").mkdir(parents=True)
    (tmp_path / "it" / "app.py").touch()
    (tmp_path / "it" / "requirements.txt").write_text("--no-index\nmine\n")
    return settings.load(tmp_path / "it")


def refused(app: App) -> KitError:
    with pytest.raises(KitError) as caught:
        lock.make(app, HELD, "arm64", "3.11")
    assert "\n" not in caught.value.line()
    assert caught.value.cure
    assert not lock.path_of(app, "arm64", "3.11").exists()
    return caught.value


@pytest.mark.parametrize("name", ["mine-1.0-py3-none-any.whl", "mine-1.0.tar.gz", "notes"])
@pytest.mark.parametrize("to", ["", "/dev/zero", "/dev/full"], ids=["pipe", "zero", "full"])
def test_what_is_no_regular_file_is_not_read(app: App, name: str, to: str) -> None:
    place = app.folder / "wheels" / name
    if to:
        place.symlink_to(to)
    else:
        os.mkfifo(place)
    assert "is no regular file" in refused(app).message


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    at = body.index(bytes(range(256)))
    body[at + 7] ^= 1
    path.write_bytes(body)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def page(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><html>404</html>")


def bare(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mine.py", "")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, flip, empty, page, bare])
def test_a_damaged_wheel_is_named(app: App, damage: object) -> None:
    path = wheel(app.folder / "wheels", "mine-1.0-py3-none-any.whl")
    assert callable(damage)
    damage(path)
    error = refused(app)
    assert (error.exit_code, str(path) in error.message) == (5, True)
    assert error.cure == "fetch or build it again, or take it out"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("mine.whl", "has no name of a wheel"),
        ("mine-1.0.whl", "has no name of a wheel"),
        ("mine-1.0-py3-none-any (1).whl", "no name of a wheel"),
        ("mine-next-py3-none-any.whl", "has no name of a wheel"),
        ("mine-1.0-py3-none-any.WHL", "has not the ending .whl"),
        ("mine-1.0-py3-none-any.whl.crdownload", "is no whole download"),
        ("mine-1.0-py3-none-any.whl.1", "is no whole download"),
        ("other-1.0-py3-none-any.whl", "holds mine 1.0"),
        ("mine-2.0-py3-none-any.whl", "holds mine 1.0"),
    ],
)
def test_a_misnamed_wheel_is_named(app: App, file: str, expected: str) -> None:
    wheel(app.folder / "wheels", file)
    error = refused(app)
    assert (error.exit_code, file in error.message, expected in error.message) == (2, True, True)


LONG = f"mine-1.0-1{'a' * 228}-py3-none-any.whl"


def test_a_wheel_may_have_the_longest_name_of_a_file(app: App) -> None:
    assert len(LONG) == 255
    path = wheel(app.folder / "wheels", LONG)
    wheel_folder.check(app)
    # That it was good under that name says nothing of another one.
    path.rename(path.with_name(LONG.replace("1.0", "2.0")))
    assert "holds mine 1.0" in refused(app).message


def test_a_damaged_wheel_of_the_longest_name_is_named(app: App) -> None:
    cut(wheel(app.folder / "wheels", LONG))
    assert refused(app).exit_code == 5


def test_a_folder_with_a_wheels_name(app: App) -> None:
    folder(wheel(app.folder / "wheels", "mine-1.0-py3-none-any.whl"))
    assert "mine-1.0-py3-none-any.whl can't be read" in refused(app).message


def test_libraries_for_another_machine_than_the_name_says(app: App) -> None:
    file = "mine-1.0-cp311-cp311-linux_aarch64.whl"
    wheel(app.folder / "wheels", file, machine=tiny_wheel.X86_64)
    expected = f"{file} is named for aarch64, and its libraries are for x86_64"
    assert refused(app).message.endswith(expected)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("mine-1.0-cp311-cp311-linux_x86_64.whl", "is for Python 3.11 on linux_x86_64"),
        ("mine-1.0-cp310-cp310-linux_aarch64.whl", "is for Python 3.10 on linux_aarch64"),
        ("mine-1.0-cp312-abi3-linux_aarch64.whl", "is for Python 3.12 on linux_aarch64"),
        ("mine-1.0-py3-none-win_amd64.whl", "is for any Python on win_amd64"),
        ("mine-1.0-py2-none-any.whl", "is for Python 2 on any"),
        ("mine-1.0-cp311-cp311-macosx_11_0_arm64.whl", "is for Python 3.11 on macosx_11_0_arm64"),
    ],
)
def test_a_wheel_for_another_target_is_named(app: App, file: str, expected: str) -> None:
    wheel(app.folder / "wheels", file)
    error = refused(app)
    assert f"wheels/{file} {expected}" in error.message
    assert error.cure == "put its wheel for aarch64-manylinux_2_36, Python 3.11 there"


@pytest.mark.parametrize(
    "file",
    [
        "mine-1.0-cp311-cp311-linux_aarch64.whl",
        "mine-1.0-cp38-abi3-manylinux_2_28_aarch64.whl",
        "mine-1.0-py2.py3-none-any.whl",
        "mine-1.0-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
    ],
)
def test_wheels_that_fit_are_taken_beside_others(app: App, file: str) -> None:
    machine = None if file.endswith("any.whl") else tiny_wheel.AARCH64
    wheel(app.folder / "wheels", file, machine=machine)
    wheel(app.folder / "wheels", "mine-1.0-cp311-cp311-linux_x86_64.whl", machine=62)
    assert lock.make(app, HELD, "arm64", "3.11").pins == ("mine==1.0",)


@pytest.mark.parametrize(
    ("files", "pins", "expected"),
    [
        (
            ["mine-1.0-cp310-cp310-linux_aarch64.whl"],
            ("mine==2.0",),
            "wheels/mine-1.0-cp310-cp310-linux_aarch64.whl is not used, mine 2.0 is; it is for "
            "Python 3.10 on linux_aarch64, and the image is Python 3.11 on aarch64-manylinux_2_36",
        ),
        (
            ["mine-1.0-cp311-cp311-manylinux_2_39_aarch64.whl"],
            ("mine==2.0",),
            "wheels/mine-1.0-cp311-cp311-manylinux_2_39_aarch64.whl is not used, mine 2.0 is; it "
            "is for Python 3.11 on manylinux_2_39_aarch64, and the image is Python 3.11 on "
            "aarch64-manylinux_2_36",
        ),
        (
            ["mine-1.0-cp311-cp311-linux_x86_64.whl"],
            ("mine==2.0",),
            "wheels/mine-1.0-cp311-cp311-linux_x86_64.whl is not used, mine 2.0 is; it is for "
            "Python 3.11 on linux_x86_64, and the image is Python 3.11 on aarch64-manylinux_2_36",
        ),
        (["mine-1.0-py3-none-any.whl"], ("mine==1.0.0",), ""),
        (
            ["my_own-1.0-cp311-cp311-linux_aarch64.whl"],
            ("my-own==2.0",),
            "wheels/my_own-1.0-cp311-cp311-linux_aarch64.whl is not used, my-own 2.0 is; write "
            "my-own==1.0 into requirements.txt",
        ),
        (
            ["mine-1.0-py3-none-any.whl", "mine-2.0-cp310-cp310-linux_aarch64.whl"],
            ("mine==1.0",),
            "",
        ),
        (["mine-1.0+nv24.5-cp311-cp311-linux_aarch64.whl"], ("mine==1.0+nv24.5",), ""),
        (["mine-1.0-py3-none-any.whl"], ("other==1.0",), ""),
    ],
)
def test_a_wheel_in_place_of_which_another_is_taken_is_named(
    app: App, files: list[str], pins: tuple[str, ...], expected: str
) -> None:
    for file in files:
        (app.folder / "wheels" / file).touch()
    lines = list(wheel_folder.unused(app, pins, "aarch64-manylinux_2_36", "3.11"))
    assert lines == ([expected] if expected else [])
