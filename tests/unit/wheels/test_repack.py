"""Repacking on a small wheel: what changes, what must not, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import stat
import zipfile
from dataclasses import replace
from email import message_from_string
from pathlib import Path

import pytest

from jetson_kit.core import rawzip, uv
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.paths import cache_dir
from jetson_kit.wheels import elf_strip, recipes, repack
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.recipes import Edit, Patch, Recipe, Strip
from tests.unit.small_wheels import make_wheel, record_hash
from tests.unit.wheels.sectioned_elf import SYMBOLS, library

NAME = "mediapipe-1.0-py3-none-any.whl"
INFO = "mediapipe-1.0.dist-info"
OURS = "mediapipe-1.0+jetson.1.dist-info"
LIBRARY = "mediapipe/libmediapipe.so"
MODULE = b"import matplotlib\n\ndef draw():\n  matplotlib.plot()\n"
METADATA = """Metadata-Version: 2.4
Name: mediapipe
Version: 1.0
License-File: LICENSE
Requires-Dist: matplotlib
Requires-Dist: numpy
Dynamic: license-file
Dynamic: requires-dist

Version: this line is prose
Requires-Dist: and so is this
"""
RECIPE = Recipe(
    "1.0",
    ("numpy<2",),
    (("drawing", ("matplotlib",)),),
    (
        Patch(
            "mediapipe/draw.py",
            hashlib.sha256(MODULE).hexdigest(),
            "late import",
            (
                Edit("import matplotlib\n\n", ""),
                Edit("draw():\n", "draw():\n  import matplotlib\n"),
            ),
        ),
    ),
    (Strip("mediapipe/*.so", (".symtab", ".strtab", ".comment"), "names for a debugger"),),
)
FILES = {
    "mediapipe/__init__.py": b"__version__ = '1.0'\n",
    "mediapipe/draw.py": MODULE,
    LIBRARY: library(),
    f"{INFO}/licenses/LICENSE": b"Apache 2.0\n",
    f"{INFO}/licenses/NOTICE": b"notice\n",
    f"{INFO}/METADATA": METADATA.encode(),
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nGenerator: other\nTag: py3-none-any\n",
}


@pytest.fixture
def official(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    make_wheel(path, FILES, {LIBRARY: 0o744, f"{INFO}/licenses/NOTICE": 0o744})
    return path


def pin_of(path: Path) -> Pin:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Pin("1.0", "arm64", "py3", ("3.11",), NAME, digest, "armv82", 1)


@pytest.fixture
def made(official: Path, tmp_path: Path) -> Path:
    return repack.repack(official, pin_of(official), RECIPE, tmp_path / "out")


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_name_carries_the_local_version(made: Path) -> None:
    assert made.name == "mediapipe-1.0+jetson.1-py3-none-any.whl"


def test_what_is_not_patched_stays_byte_for_byte(made: Path) -> None:
    inside = contents(made)
    assert inside["mediapipe/__init__.py"] == FILES["mediapipe/__init__.py"]
    assert inside[f"{OURS}/licenses/LICENSE"] == b"Apache 2.0\n"
    assert inside[f"{OURS}/licenses/NOTICE"] == b"notice\n"
    assert not any(name.startswith(INFO + "/") for name in inside)


def test_the_patch_is_applied(made: Path) -> None:
    text = contents(made)["mediapipe/draw.py"].decode()
    assert text == "def draw():\n  import matplotlib\n  matplotlib.plot()\n"


def test_record_names_every_member_with_its_hash_and_size(made: Path) -> None:
    inside = contents(made)
    rows = {row[0]: row[1:] for row in csv.reader(inside[f"{OURS}/RECORD"].decode().splitlines())}
    assert rows.pop(f"{OURS}/RECORD") == ["", ""]
    assert rows == {
        name: [record_hash(data), str(len(data))]
        for name, data in inside.items()
        if name != f"{OURS}/RECORD"
    }


def test_metadata_changes_in_its_header_alone(made: Path) -> None:
    text = contents(made)[f"{OURS}/METADATA"].decode()
    parsed = message_from_string(text)
    assert parsed["Version"] == "1.0+jetson.1"
    assert parsed.get_all("Requires-Dist") == ["numpy<2", 'matplotlib; extra == "drawing"']
    assert parsed.get_all("Provides-Extra") == ["drawing"]
    assert set(parsed.get_all("Dynamic") or ()) == {
        "license-file",
        "provides-extra",
        "requires-dist",
    }
    assert parsed.get_payload() == METADATA.partition("\n\n")[2]


def test_no_dynamic_field_appears_where_the_metadata_version_has_none() -> None:
    old = METADATA.replace("2.4", "2.1").replace("Dynamic: license-file\n", "")
    assert "provides-extra" not in repack.remade_metadata(
        old.replace("Dynamic: requires-dist\n", ""), "1", RECIPE
    )


def test_provenance_tells_source_and_changes(official: Path, made: Path) -> None:
    document = json.loads(contents(made)[f"{OURS}/{repack.PROVENANCE}"])
    assert document["source"] == {"filename": NAME, "sha256": pin_of(official).sha256}
    assert document["changed"][0]["path"] == "mediapipe/draw.py"
    after = hashlib.sha256(contents(made)["mediapipe/draw.py"]).hexdigest()
    assert document["changed"][0]["after"] == after
    assert document["requires"]["before"] == ["matplotlib", "numpy"]


def test_provenance_tells_what_was_stripped(made: Path) -> None:
    shipped = contents(made)[LIBRARY]
    document = json.loads(contents(made)[f"{OURS}/{repack.PROVENANCE}"])
    before, after = (hashlib.sha256(data).hexdigest() for data in (FILES[LIBRARY], shipped))
    assert document["native_libraries"] == [
        {"path": LIBRARY, "sha256": after, "official_sha256": before}
    ]
    assert document["stripped"] == [
        {
            "path": LIBRARY,
            "why": "names for a debugger",
            "sections": [{"name": part.name, "bytes": len(part.data)} for part in SYMBOLS],
            "before": {"sha256": before, "bytes": len(FILES[LIBRARY])},
            "after": {"sha256": after, "bytes": len(shipped)},
            "loaded_sha256": elf_strip.loaded_sha256(FILES[LIBRARY]),
        }
    ]
    assert b"compiler 1.0" not in shipped
    assert elf_strip.loaded_sha256(shipped) == elf_strip.loaded_sha256(FILES[LIBRARY])


def test_a_strip_of_no_file_is_refused(official: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, strips=(*RECIPE.strips, Strip("mediapipe/other.so", (), "why")))
    with pytest.raises(IntegrityError, match=r"has no mediapipe/other\.so"):
        repack.repack(official, pin_of(official), recipe, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_library_that_cannot_be_stripped_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / NAME
    make_wheel(path, {**FILES, LIBRARY: b"\x7fELF\x01\x01\x01" + bytes(100)})
    with pytest.raises(IntegrityError, match=f"{LIBRARY} cannot be stripped: it is not 64-bit"):
        repack.repack(path, pin_of(path), RECIPE, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_build_uses_the_cache_only_when_it_is_whole(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recipes, "recipe_for", lambda version: RECIPE)
    fetched: list[Pin] = []

    def fetch(pin: Pin) -> Path:
        fetched.append(pin)
        return official

    monkeypatch.setattr(wheels, "fetch", fetch)
    pin = pin_of(official)
    cached = repack.build(pin, cache_dir("wheels"))
    raw = cached.read_bytes()
    assert repack.build(pin, cache_dir("wheels")) == cached
    copied = repack.build(pin, tmp_path / "dist")
    assert copied == tmp_path / "dist" / pin.jetson_filename
    assert copied.read_bytes() == raw
    assert len(fetched) == 1
    cached.write_bytes(raw[:-1] + b"?")
    assert repack.build(pin, cache_dir("wheels")).read_bytes() == raw
    assert len(fetched) == 2
    monkeypatch.setattr(recipes, "recipe_for", lambda version: replace(RECIPE, requires=("numpy",)))
    assert repack.build(pin, cache_dir("wheels")) != cached


def test_times_order_and_permissions_are_fixed(made: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {rawzip.EPOCH}
    modes = {member.filename: stat.S_IMODE(member.external_attr >> 16) for member in members}
    assert modes.pop(LIBRARY) == 0o755
    assert set(modes.values()) == {0o644}
    assert members[-1].filename == f"{OURS}/RECORD"
    assert not any(member.is_dir() for member in members)


def test_the_same_input_gives_the_same_bytes(official: Path, made: Path, tmp_path: Path) -> None:
    os.utime(official, (0, 0))
    second = repack.repack(official, pin_of(official), RECIPE, tmp_path / "again")
    assert second.read_bytes() == made.read_bytes()


def test_uv_installs_it(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    uv.uv(["pip", "install", "--offline", "--no-deps", "--target", folder, made], what="installing")
    assert (folder / LIBRARY).read_bytes() == contents(made)[LIBRARY]
    assert os.access(folder / LIBRARY, os.X_OK)


def test_an_unexpected_original_is_refused(official: Path, tmp_path: Path) -> None:
    make_wheel(official, {**FILES, "mediapipe/draw.py": MODULE + b"# newer\n"})
    with pytest.raises(IntegrityError, match=r"draw.py has sha256 .*, its patch is for"):
        repack.repack(official, pin_of(official), RECIPE, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_an_edit_must_fit_exactly_once() -> None:
    patch = replace(RECIPE.patches[0], edits=(Edit("matplotlib", "x"),))
    with pytest.raises(IntegrityError, match="2 places"):
        patch.apply(MODULE)


def test_a_patched_file_must_be_there(official: Path, tmp_path: Path) -> None:
    make_wheel(official, {k: v for k, v in FILES.items() if k != "mediapipe/draw.py"})
    with pytest.raises(IntegrityError, match=r"has no mediapipe/draw\.py"):
        repack.repack(official, pin_of(official), RECIPE, tmp_path / "out")


def test_another_wheel_than_the_pinned_is_refused(official: Path, tmp_path: Path) -> None:
    pin = pin_of(official)
    official.write_bytes(b"no zip")
    with pytest.raises(IntegrityError, match="is not the wheel with sha256"):
        repack.repack(official, pin, RECIPE, tmp_path / "out")
    with pytest.raises(IntegrityError, match="damaged"):
        repack.repack(official, pin_of(official), RECIPE, tmp_path / "out")


def test_every_pin_is_sound_and_has_a_recipe() -> None:
    for pin in wheels.pins():
        assert len(bytes.fromhex(pin.sha256)) == 32
        name, version, python, _, platform = pin.filename.removesuffix(".whl").split("-")
        assert (name, version, python) == ("mediapipe", pin.version, pin.python_tag)
        assert platform.endswith(wheels.ARCHITECTURES[pin.arch])
        assert recipes.recipe_for(pin.version).requires
        assert set(pin.pythons) <= set(wheels.classes()[pin.wheel_class].pythons)
    assert len({pin.sha256 for pin in wheels.pins()}) == len(wheels.pins())


def test_selection_takes_the_newest_that_fits() -> None:
    assert wheels.select().version == wheels.pins()[0].version
    assert wheels.select("amd64", "3.9").version == "0.10.18"
    with pytest.raises(BadInputError) as caught:
        wheels.select("arm64", "3.8")
    assert "choose one of 3.9, 3.10" in caught.value.line()
