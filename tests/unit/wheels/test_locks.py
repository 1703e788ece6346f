"""The locks: whole, pinned by hash, for every wheel that we offer, and still what uv makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jetson_kit.core.errors import BadInputError
from jetson_kit.wheels import locks, recipes
from jetson_kit.wheels import pins as wheels

PINNED = re.compile(r"[a-z0-9._-]+==[^\s;]+( ; .*)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
OFFERED = [
    pytest.param(pin, python, id=f"{pin.wheel_class}-{pin.arch}-py{python}")
    for pin in wheels.pins()
    for python in pin.pythons
]


@pytest.mark.parametrize(("pin", "python"), OFFERED)
def test_a_lock_holds_what_its_wheel_needs(pin: wheels.Pin, python: str) -> None:
    text = wheels.lock_for(pin.wheel_class, pin.arch, python).read_text(encoding="utf-8")
    for line in text.splitlines():
        assert PINNED.fullmatch(line) or HASH.fullmatch(line), line
    versions = dict(item.split("==") for item in locks.locked(text))
    group = wheels.classes()[pin.wheel_class]
    for expected in (*recipes.recipe_for(pin.version).requires, *group.constraints):
        need = Requirement(expected)
        assert versions[canonicalize_name(need.name)] in need.specifier, expected
    assert "mediapipe" not in versions
    assert not set(versions) & {"opencv-contrib-python", "opencv-python", "matplotlib"}


def test_no_lock_is_left_over() -> None:
    expected = {
        wheels.lock_path(pin.wheel_class, pin.arch, python).name
        for pin in wheels.pins()
        for python in pin.pythons
    }
    assert {path.name for path in wheels.LOCKS.glob("*.txt")} == expected


def test_opencv_with_a_known_hole_is_in_no_lock() -> None:
    # CVE-2025-53644 is in 4.10.0 and 4.11.0.
    for path in wheels.LOCKS.rglob("*.txt"):
        assert not re.search(r"opencv-python-headless==4\.1[01]\.", path.read_text("utf-8")), path


def test_a_missing_lock_names_those_there_are() -> None:
    with pytest.raises(BadInputError) as caught:
        wheels.lock_for("armv8", "arm64", "3.13")
    assert caught.value.cure == "choose Python 3.9, 3.10, 3.11, 3.12"
    with pytest.raises(BadInputError, match="unknown wheel class"):
        wheels.lock_for("armv9", "arm64", "3.11")


@pytest.mark.network
def test_uv_makes_the_same_lock_again(tmp_path: Path) -> None:
    every = [pin for pin in wheels.pins() if pin.arch == "arm64" and pin.supports("3.11")]
    for pin in {pin.wheel_class: pin for pin in reversed(every)}.values():
        there = wheels.lock_for(pin.wheel_class, "arm64", "3.11").read_text(encoding="utf-8")
        assert locks.make(pin, "3.11") == there
