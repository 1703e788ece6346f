"""Finds what in the tables of versions is unsound, incomplete or stale, without a network.

`python -m jetson_kit.data_update.check` is part of the linters.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from jetson_kit.ansible_driver import collections
from jetson_kit.audit import planned, record
from jetson_kit.core.errors import KitError
from jetson_kit.core.paths import ROOT
from jetson_kit.core.reasons import why
from jetson_kit.data_update import changes, debian_packages, derived, index, lock_files
from jetson_kit.targets import check as targets_check
from jetson_kit.targets import table as targets
from jetson_kit.wheels import litert, recipes, runtimes, shim
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import ARCHITECTURES, Pin, WheelClass

SHA256 = re.compile(r"[0-9a-f]{64}")
HASHED = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
PINNED = re.compile(r"[a-z0-9._\[\],-]+==[^\s;]+( ; .*)? \\")
RENEW = "run ./inv data.update --derived"


def problems() -> list[str]:
    """Return every problem as one line; [] if there is none."""
    if left := changes.unfinished():
        return [f"an update was cut off before {', '.join(left)}: run ./inv data.update again"]
    result: list[str] = []
    for look in (
        _targets,
        _pins,
        _recipes,
        _audits,
        _locks,
        _requirements,
        _tools,
        _debian,
        _derived,
    ):
        try:
            result += look()
        except KitError as error:
            result.append(error.line().removeprefix("error: "))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            result.append(f"{look.__name__[1:]}: a table can't be read: {why(error)}")
    return result


def _debian() -> Iterator[str]:
    for problem in debian_packages.problems():
        yield f"{problem}: run ./inv data.update {debian_packages.PACKAGE}"


def _targets() -> Iterator[str]:
    yield from (f"targets.toml: {item}" for item in targets_check.check(targets_check.raw_table()))


def _pins() -> Iterator[str]:
    seen: set[str] = set()
    for pin in wheels.pins():
        where = f"wheels.toml: {pin.filename}"
        if not SHA256.fullmatch(pin.sha256):
            yield f"{where}: its sha256 is no hash"
        if pin.sha256 in seen:
            yield f"{where}: its sha256 stands twice"
        seen.add(pin.sha256)
        try:
            name, version, _, tags = parse_wheel_filename(pin.filename)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        if (name, version) != ("mediapipe", Version(pin.version)):
            yield f"{where}: it is not MediaPipe {pin.version}"
        if {tag.interpreter for tag in tags} != {pin.python_tag}:
            yield f"{where}: it is not for {pin.python_tag}"
        if not all(tag.platform.endswith(f"_{ARCHITECTURES[pin.arch]}") for tag in tags):
            yield f"{where}: it is not for {pin.arch}"
        allowed = wheels.classes()[pin.wheel_class].versions
        if Version(pin.version) not in SpecifierSet(allowed):
            yield f"{where}: the class {pin.wheel_class} takes {allowed}"
    for group in wheels.classes().values():
        yield from _covered(group)


def _covered(group: WheelClass) -> Iterator[str]:
    """Yield what a class or one of its versions lacks."""
    own = [pin for pin in wheels.pins() if pin.wheel_class == group.name]
    for version in group.by_name:
        if version not in {pin.version for pin in own}:
            yield f"wheels.toml: class {group.name}: by_name: {version} is not pinned"
    if own and {pin.version for pin in own} <= set(group.by_name):
        yield f"wheels.toml: class {group.name}: every version of it is in by_name"
    for version in dict.fromkeys(pin.version for pin in own):
        for arch in ARCHITECTURES:
            pinned = {p for x in own if (x.version, x.arch) == (version, arch) for p in x.pythons}
            for python in group.pythons:
                if python not in pinned:
                    yield f"wheels.toml: MediaPipe {version} has no pin for {arch}, Python {python}"


def _recipes() -> Iterator[str]:
    rows = tomllib.loads(recipes.TABLE.read_text(encoding="utf-8"))["recipe"]
    versions = [version for row in rows for version in row["versions"]]
    for version in dict.fromkeys(versions):
        if versions.count(version) > 1:
            yield f"repack.toml: {version} has several recipes"
    for recipe in recipes.load().values():
        for patch in recipe.patches:
            if not SHA256.fullmatch(patch.sha256):
                yield f"repack.toml: {recipe.version}: {patch.path}: its sha256 is no hash"
    for group in wheels.classes().values():
        needs = {}
        for pin in wheels.pins():
            if pin.wheel_class == group.name:
                needs[pin.version] = sorted(recipes.recipe_for(pin.version).requires)
        # They share one lock.
        if len({tuple(item) for item in needs.values()}) > 1:
            yield f"repack.toml: versions of the class {group.name} ask for different packages"


def _audits() -> Iterator[str]:
    shipped = {path.name for path in record.SHIPPED.glob("*.json")}
    for pin in wheels.pins():
        if planned.facts_of(pin) is None:
            yield f"pinned.json: no row for {pin.filename}: run ./inv wheels.audit --record for it"
        if pin.arch == "arm64" and record.shipped_path(pin.filename).name not in shipped:
            yield f"no audit record of {pin.filename}: run ./inv wheels.audit --record for it"
    known = {pin.sha256 for pin in wheels.pins()}
    for sha256 in json.loads(planned.TABLE.read_text(encoding="utf-8")):
        if sha256 not in known:
            yield f"pinned.json: no pin has the sha256 {sha256}"


def _locks() -> Iterator[str]:
    expected: dict[Path, list[str]] = {}
    for pin in wheels.pins():
        for python in pin.pythons:
            path = wheels.lock_path(pin.wheel_class, pin.arch, python)
            expected[path] = [*expected.get(path, []), *_needs(pin)]
    for path, (_, python) in litert.wanted_locks().items():
        expected[path] = [*litert.requirements(python), *litert.constraints()]
    expected |= runtimes.wanted_locks()
    for path, needs in expected.items():
        yield from _lock(path, needs)
    for path in sorted(wheels.LOCKS.rglob("*.txt")):
        if path not in expected:
            yield f"{path.relative_to(ROOT)}: nothing needs it: remove it"


def _needs(pin: Pin) -> list[str]:
    return [
        *recipes.recipe_for(pin.version).requires,
        *wheels.classes()[pin.wheel_class].constraints,
    ]


def _lock(path: Path, needs: list[str]) -> Iterator[str]:
    """Yield what a lock lacks."""
    where = path.relative_to(ROOT)
    if not path.exists():
        yield f"{where} is missing: run ./inv data.update"
        return
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        if not (PINNED.fullmatch(line) or HASHED.fullmatch(line)):
            yield f"{where}: {line.strip()!r} is neither a pinned package nor its hash"
            return
    versions = index.all_versions_in(text)
    for need in map(Requirement, needs):
        # Markers may give several; each has its own need.
        version = versions.get(canonicalize_name(need.name), [])
        if not any(map(need.specifier.contains, version)):
            yield f"{where}: has {need.name} {', '.join(version) or 'not at all'}, not {need}"


def _requirements() -> Iterator[str]:
    names = set(lock_files.pythons())
    for suffix in (".in", ".txt"):
        there = {path.stem for path in lock_files.REQUIREMENTS.glob(f"*{suffix}")}
        for name in sorted(names ^ there):
            state = "has no row in locks.toml" if name in there else "is missing"
            yield f"requirements/{name}{suffix} {state}"
    for name in sorted(names):
        path = lock_files.REQUIREMENTS / f"{name}.txt"
        # A package for other machines alone may be left out of a lock for several.
        yield from _lock(path, [str(_bare(d.requirement)) for d in lock_files.directs(name)])
    pinned = {pin.version for pin in wheels.pins()}
    for name in names:
        text = (lock_files.REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8")
        version = lock_files.pinned_in(text, "mediapipe")
        if version and version not in pinned and name not in lock_files.references():
            yield f"requirements/{name}.in: MediaPipe {version} is not pinned"
    yield from _lean()


def _bare(requirement: Requirement) -> Requirement:
    return Requirement(f"{requirement.name}{requirement.specifier}")


def _lean() -> Iterator[str]:
    """Yield where the tests' lean runtime is none that images get."""
    text = (lock_files.REQUIREMENTS / "tensorrt-lean.in").read_text(encoding="utf-8")
    used = {line for lines in runtimes.wanted_locks().values() for line in lines}
    for line in text.splitlines():
        if "==" in line and not line.startswith("#") and line.strip() not in used:
            yield f"requirements/tensorrt-lean.in: no image gets {line.strip()}"


def _tools() -> Iterator[str]:
    compiler = tomllib.loads(shim.TABLE.read_text(encoding="utf-8"))["compiler"]
    for machine in ARCHITECTURES.values():
        if not SHA256.fullmatch(compiler["wheels"].get(machine, {}).get("sha256", "")):
            yield f"shim.toml: the compiler has no sha256 for {machine}"
    if not SHA256.fullmatch(collections.load().sha256):
        yield "collections.toml: the wheel's sha256 is no hash"
    for where, version in (
        ("shim.toml", compiler["version"]),
        ("collections.toml", collections.load().version),
        *(("runtimes.toml", version) for version in runtimes.table()["lean"]),
    ):
        try:
            Version(version)
        except InvalidVersion:
            yield f"{where}: {version!r} is no version"
    sms = {soc.sm for soc in targets.load().socs}
    for version, row in runtimes.table()["lean"].items():
        for sm in row["sms"]:
            if sm not in sms:
                yield f"runtimes.toml: {version}: no SoC has SM {sm}"
    branches = {target.branch for target in targets.load().all}
    for branch in sorted(branches - set(runtimes.table()["branch"])):
        yield f"runtimes.toml: the branch {branch} has no row"


def _derived() -> Iterator[str]:
    for path in derived.stale():
        yield f"{path.relative_to(ROOT)} is stale: {RENEW}"


def main() -> int:
    """Print each problem; return 1 if there is one."""
    result = problems()
    print("\n".join(result) if result else "the tables and what derives from them agree")
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
