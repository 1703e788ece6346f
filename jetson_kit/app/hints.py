"""What to write in place of programs and packages that no image of the kit can have."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jetson_kit.app import module_names
from jetson_kit.core.text import counted
from jetson_kit.wheels.device_wheel import SOURCE

DATA = Path(__file__).with_name("hints.toml")
BUILDS = SOURCE / "src" / "mediapipe_jetson" / "data" / "wheels.json"
# A version that names the CUDA that it was built with, and what a resolver's reason says of a
# requirement that stands in a file.
CUDA = re.compile(r"you require [\w.-]+==[\w.]+(\+cu\d+)\b")
REQUIRED = re.compile(r"you require ([\w.-]+)")
# How a reason begins that is of one package alone, and what it says of one that needs another.
OF_ONE = r"\b(?:Because |only |all versions of |there (?:is|are) no versions? of )+"
CHAIN = " depends on "
# A wheel of MediaPipe that a resolver names, whoever built it.
WHEEL = re.compile(r"\bmediapipe-\d[^\s`\"']*\.whl\b")
MEDIAPIPE = "write mediapipe without a version: the image's is used"


def of_program(name: str) -> str:
    """Return the hint for a program that no image has; "" where nothing is known of it."""
    return _rows("programs").get(name, "")


def of_package(name: str) -> str:
    """Return the hint for a Python package; "" where nothing is known of it."""
    if is_build(name):
        return f"it is a build of MediaPipe; {MEDIAPIPE}"
    return _rows("packages").get(canonicalize_name(name), "")


def of_module(name: str, python: str, otherwise: str = "") -> str:
    """Return how a program gets a module that it imports, in this version of Python.

    `otherwise` is what to say of one that the table does not know.
    """
    if key := module_names.apart(python).get(name):
        return _rows("apart")[key]
    package = _rows("modules").get(name, "")
    plain = package.partition("<")[0]
    if hint := of_package(plain or name):
        return hint
    if package:
        return f"name its package, {package}, in requirements.txt"
    return otherwise or "name its package in requirements.txt"


def of_windows() -> list[str]:
    """Return the functions that raise in an OpenCV without windows."""
    names: list[str] = tomllib.loads(DATA.read_text(encoding="utf-8"))["windows"]["cv2"]
    return names


def is_build(name: str) -> bool:
    """Return whether a package is a build of MediaPipe under another name."""
    return canonicalize_name(name) in _builds()


def in_reason(text: str, python: str) -> str:
    """Return the hint for the first package of the table that a resolver's reason names.

    Else the hint for a module, of this version of Python or of a package with another name, that is
    required as if it were a package.
    """
    names = [*_builds(), *_rows("packages")]
    packages = [name for name in names if re.search(rf"(?<![\w.-]){name}(?![\w-])", text)]
    if not packages and WHEEL.search(text):
        return MEDIAPIPE
    if packages:
        return of_package(packages[0])
    if match := CUDA.search(text):
        return (
            f"leave out {match[1]}, which is of builds for servers, or put NVIDIA's wheel for your "
            "JetPack into wheels/"
        )
    hints = [_of_required(name, text, python) for name in REQUIRED.findall(text)]
    return next(filter(None, hints), "")


def _of_required(name: str, text: str, python: str) -> str:
    """Return the hint for a module in place of a package, where the reason is of it alone."""
    if CHAIN in text or not re.search(rf"{OF_ONE}{re.escape(name)}(?![\w-])", text):
        return ""
    if key := module_names.apart(python).get(name):
        return _rows("apart")[key]
    if name in module_names.standard(python):
        return f"leave {name} out: Python itself has it"
    packages: dict[str, str] = {
        canonicalize_name(key): row for key, row in _rows("modules").items()
    }
    package = packages.get(name, name)
    return f"write {package}, the package that has this module" if package != name else ""


def of_cuda(pins: Sequence[str]) -> str:
    """Return what is to know of CUDA in wheels, which are those of servers; "" without it."""
    names = [pin.partition("==")[0] for pin in pins if pin.startswith("nvidia-cu")]
    if not names:
        return ""
    count = counted(len(names), "package")
    return (
        f"requirements.txt brings CUDA for servers, often gigabytes ({count}, first {names[0]}), "
        "which a Jetson's driver may not run; put NVIDIA's wheel for your JetPack, or one for the "
        "CPU, into wheels/"
    )


def of_loaded(
    pins: Sequence[str], named: Callable[[str], object], held: Collection[str]
) -> list[str]:
    """Return what packages load of Debian packages that the image, which holds these, has not.

    Of packages that the requirements do not name themselves nobody knows that they are loaded:
    `named` tells which they name.
    """
    versions = dict(pin.split("==", 1) for pin in pins)
    lines = []
    for row, debian in _rows("loads").items():
        requirement = Requirement(row)
        name = requirement.name
        version = versions.get(name, "")
        loaded = version and requirement.specifier.contains(version, prereleases=True)
        # Debian 13 has some under a further name, by which the old one is found too.
        there = {debian, f"{debian}t64"} & set(held) or _rows("brings").get(name) in versions
        if loaded and not there and named(name):
            lines.append(
                f"{name} needs {debian}, which the image does not have: add it under [debian] in "
                f'jetson.toml: packages = ["{debian}"]'
            )
    return lines


@cache
def _builds() -> frozenset[str]:
    known = json.loads(BUILDS.read_text(encoding="utf-8"))
    return frozenset({*known["others"], *known["unaudited"]})


@cache
def _rows(table: str) -> dict[str, str]:
    rows: dict[str, str] = tomllib.loads(DATA.read_text(encoding="utf-8"))[table]
    return rows
