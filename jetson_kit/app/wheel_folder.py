"""An application's folder of wheels: each is whole and what its name says, before it is used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    canonicalize_version,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from jetson_kit.app.settings import App
from jetson_kit.audit import wheelfile
from jetson_kit.audit.wheelfile import WheelFile
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import check_regular, sha256_file
from jetson_kit.core.paths import cache_dir

# What browsers and tools add to the name of a file that is not whole or is one of several.
UNFINISHED = re.compile(r"\.whl\.(part|partial|tmp|download|crdownload|aria2|\d+)$", re.IGNORECASE)
SUFFIX = ".whl"
MACHINES = ("aarch64", "x86_64", "armv7l", "armv6l", "i686", "arm64", "amd64", "ppc64le", "riscv64")
NAME = "name it as it was when it was built, or take it out"
LETTERS = re.compile(r"[\w.+!-]+")
PURE = re.compile(r"py3(\d*)$")
GLIBC = re.compile(r"manylinux_(\d+)_(\d+)")
STABLE = re.compile(r"cp3(\d+)$")


def check(app: App) -> None:
    """Check every wheel of an application's folder of wheels.

    Raises BadInputError for one that has a name that is none or another package's, or libraries
    for another machine than its name says; IntegrityError for one that is damaged.
    """
    for path in _paths(app):
        if UNFINISHED.search(path.name):
            raise BadInputError(f"{path} is no whole download", "fetch it again, or take it out")
        if path.suffix != SUFFIX:
            raise BadInputError(f"{path} has not the ending {SUFFIX}", NAME)
        _check(path)


def unfit(app: App, reason: str, platform: str, python: str) -> str:
    """Return which wheels of the folder a resolver passed over, of packages that `reason` names.

    `platform` is uv's name of it. "" where there is none.
    """
    wheels = list(_named(app))
    fit = {name for _, name, _, tags in wheels if any(_fits(tag, platform, python) for tag in tags)}
    return ", ".join(
        f"{app.wheels}/{file} is for {_target(tags)}"
        for file, name, _, tags in wheels
        if name not in fit and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", reason)
    )


def unused(app: App, pins: Sequence[str], platform: str, python: str) -> Iterator[str]:
    """Yield a line for each wheel of the folder in place of which another version is taken."""
    taken = {canonicalize_name(name): version for name, version in map(_pair, pins)}
    wheels = list(_named(app))
    used = {
        name
        for _, name, version, _ in wheels
        if canonicalize_version(taken.get(name, "")) == canonicalize_version(version)
    }
    for file, name, version, tags in wheels:
        if name in taken and name not in used:
            fits = any(_fits(tag, platform, python) for tag in tags)
            why = (
                f"write {name}=={version} into requirements.txt"
                if fits
                else f"it is for {_target(tags)}, and the image is Python {python} on {platform}"
            )
            yield f"{app.wheels}/{file} is not used, {name} {taken[name]} is; {why}"


def _paths(app: App) -> Iterator[Path]:
    if not app.wheels:
        return
    try:
        paths = sorted((app.folder / app.wheels).iterdir())
    except OSError as error:
        raise BadInputError(
            f"{app.folder / app.wheels} can't be read: {error.strerror}", "let this user read it"
        ) from error
    for path in paths:
        if not path.is_dir():
            check_regular(path, "take it out")
        if path.suffix.lower() == SUFFIX or UNFINISHED.search(path.name):
            yield path


def _check(path: Path) -> None:
    try:
        name, version, _, tags = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise BadInputError(f"{path} has no name of a wheel", NAME) from error
    if not LETTERS.fullmatch(path.name):
        raise BadInputError(f"{path} has no name of a wheel", NAME)
    try:
        if path.stat().st_size > wheelfile.LARGEST:
            raise BadInputError(f"{path} is larger than 4 GiB", "take it out")
        # A wheel's name may be as long as a file's.
        key = hashlib.sha256(f"{sha256_file(path)}-{path.name}".encode()).hexdigest()
        mark = cache_dir("app-wheels") / key
    except OSError as error:
        raise BadInputError(
            f"{path} can't be read: {error.strerror}", "let this user read it, or take it out"
        ) from error
    if mark.exists():
        return
    try:
        wheel = wheelfile.read(path)
    except BadInputError as error:
        raise IntegrityError(error.message, "fetch or build it again, or take it out") from error
    _check_name(path, wheel, str(name), str(version))
    _check_machine(path, wheel, tags)
    mark.touch()


def _check_name(path: Path, wheel: WheelFile, name: str, version: str) -> None:
    try:
        same = Version(wheel.version) == Version(version)
    except InvalidVersion:
        same = wheel.version == version
    if canonicalize_name(wheel.name) != name or not same:
        raise BadInputError(f"{path} holds {wheel.name} {wheel.version}", NAME)


def _check_machine(path: Path, wheel: WheelFile, tags: frozenset[Tag]) -> None:
    """Raise BadInputError for libraries none of which is for a machine that the name says."""
    named = {machine for tag in tags for machine in MACHINES if tag.platform.endswith(machine)}
    inside = {library.arch for library in wheel.libraries if library.format == "elf"}
    linux = any("linux" in tag.platform for tag in tags)
    if linux and inside and named and not inside & named:
        raise BadInputError(
            f"{path} is named for {', '.join(sorted(named))}, and its libraries are for "
            f"{', '.join(sorted(inside))}",
            "build it for that machine, or take it out",
        )


def _fits(tag: Tag, platform: str, python: str) -> bool:
    """Tell whether a wheel with this tag may be installed."""
    machine, minor = platform.partition("-")[0], int(python.partition(".")[2])
    pure = PURE.fullmatch(tag.interpreter)
    stable = STABLE.fullmatch(tag.interpreter)
    if pure:
        right = not pure[1] or int(pure[1]) <= minor
    elif stable:
        right = int(stable[1]) == minor or (tag.abi == "abi3" and int(stable[1]) <= minor)
    else:
        right = False
    system = tag.platform == "any" or (
        "linux" in tag.platform and tag.platform.endswith(f"_{machine}")
    )
    return right and system and _fits_library(tag.platform, platform)


def _fits_library(tag: str, platform: str) -> bool:
    """Tell whether a platform has the C library of a tag's; older names than these always fit."""
    need, have = GLIBC.search(tag), GLIBC.search(platform)
    return "musllinux" not in tag and not (
        need and have and tuple(map(int, need.groups())) > tuple(map(int, have.groups()))
    )


def _named(app: App) -> Iterator[tuple[str, NormalizedName, Version, frozenset[Tag]]]:
    """Yield the folder's wheels that have a name of one, and what it says."""
    for path in _paths(app):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except (InvalidWheelFilename, InvalidVersion):
            continue
        yield path.name, name, version, tags


def _pair(pin: str) -> tuple[str, str]:
    name, _, version = pin.partition("==")
    return name, version


def _target(tags: frozenset[Tag]) -> str:
    """Return what a wheel is for, by the first of its tags."""
    tag = min(tags, key=str)
    what = f"Python {_python(tag)}" if tag.interpreter != "py3" else "any Python"
    return f"{what} on {tag.platform}"


def _python(tag: Tag) -> str:
    digits = re.search(r"(\d)(\d*)$", tag.interpreter)
    return ".".join(filter(None, digits.groups())) if digits else tag.interpreter
