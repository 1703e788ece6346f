"""A bundle's MediaPipe for boards before Orin: how it differs, and what the board makes of that."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from jetson_kit.bundle import contents, older
from jetson_kit.bundle.program import cores
from jetson_kit.bundle.program.cores import Core
from jetson_kit.bundle.program.errors import DamagedError
from jetson_kit.wheels import pins as wheels

OFFICIAL = random.Random(5).randbytes(3 * 4096 + 100)  # noqa: S311 # the same on each run
LSE, DOT, RCPC = 1 << 8, 1 << 20, 1 << 15
MANIFEST = {
    "cores": [
        {"name": "", "hwcap": LSE | DOT | RCPC},
        {"name": "carmel", "hwcap": LSE, "sha256": "c", "size": 3},
        {"name": "armv80", "hwcap": 0, "sha256": "a", "size": 2},
    ]
}


def changed(*places: int) -> bytes:
    data = bytearray(OFFICIAL)
    for at in places:
        data[at] ^= 0xFF
    return bytes(data)


NEW = {
    "the same": OFFICIAL,
    "words": changed(0, 3, 4, 20, 4095, 4096, 9000, len(OFFICIAL) - 1),
    "longer": changed(77) + b"more" * 2000,
    "shorter": changed(5)[: 2 * 4096 + 9],
    "empty": b"",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an unpacked bundle of small files."""
    for path, data in (
        ("site/mediapipe/__init__.py", b"import this"),
        ("site/mediapipe/tasks/c/libmediapipe.so", OFFICIAL),
        ("site/mediapipe-1.2.2.dist-info/METADATA", b"Version: 1.2.2"),
        ("cores/armv80/mediapipe-1.2.2+jetson.1.armv80.dist-info/METADATA", b"Version: 1.2.2+j"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def given(folder: Path, new: bytes) -> Core:
    (folder / "cores/armv80/library.delta").write_bytes(older.delta(OFFICIAL, new))
    return Core("armv80", hashlib.sha256(new).hexdigest(), len(new))


@pytest.mark.parametrize("name", NEW)
def test_the_cores_library_is_put_together(folder: Path, name: str) -> None:
    site = cores.site(folder, given(folder, NEW[name]))
    assert (site / cores.LIBRARY).read_bytes() == NEW[name]
    assert (site / "mediapipe/__init__.py").read_bytes() == b"import this"
    assert [path.name for path in site.glob("*.dist-info")] == [
        "mediapipe-1.2.2+jetson.1.armv80.dist-info"
    ]
    assert (folder / "site" / cores.LIBRARY).read_bytes() == OFFICIAL


def test_what_is_ready_is_taken_again(folder: Path) -> None:
    core = given(folder, NEW["words"])
    first = cores.site(folder, core)
    (folder / "cores/armv80/library.delta").unlink()
    assert cores.site(folder, core) == first


def test_a_few_words_take_a_few_bytes() -> None:
    assert len(older.delta(OFFICIAL, NEW["words"])) < 200
    assert len(older.delta(OFFICIAL, OFFICIAL)) <= 12 + 12 + len(OFFICIAL) % 4096


@pytest.mark.parametrize("cut", [1, 12, 105, 0])
def test_a_delta_that_gives_another_library_is_damage(folder: Path, cut: int) -> None:
    core = given(folder, NEW["words"])
    path = folder / "cores/armv80/library.delta"
    data = path.read_bytes()
    path.write_bytes(data[:-cut] if cut else older.delta(OFFICIAL, NEW["longer"]))
    with pytest.raises(DamagedError, match="copy the bundle again"):
        cores.site(folder, core)
    assert not (folder / cores.READY / "armv80").exists()


@pytest.mark.parametrize(
    ("hwcap", "name"),
    [(0, "armv80"), (DOT | RCPC, "armv80"), (LSE, "carmel"), (LSE | DOT, "carmel")],
)
def test_an_old_core_takes_the_newest_that_it_is(hwcap: int, name: str) -> None:
    core = cores.chosen(MANIFEST, hwcap)
    assert core
    assert core.name == name


def test_a_new_core_and_a_pc_take_the_official_library() -> None:
    assert cores.chosen(MANIFEST, LSE | DOT | RCPC | 1) is None
    assert cores.chosen({"cores": []}, 0) is None
    assert cores.chosen({}, 0) is None


def test_a_pc_has_nothing_for_older_cores() -> None:
    assert older.of(contents.mediapipe("amd64")) == older.Older((), ())


def test_each_translated_core_is_among_those_of_the_table() -> None:
    pin = contents.mediapipe("arm64")
    names = [item.core for item in wheels.translated() if item.sha256 == pin.sha256]
    assert names == ["carmel", "armv80"]
