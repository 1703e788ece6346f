"""Renews the hash-pinned locks: of the kit's own environments, of wheel classes, of TensorRT."""

from __future__ import annotations

import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from jetson_kit.core import uv
from jetson_kit.core.paths import ROOT
from jetson_kit.data_update import index
from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.request import Request, is_major
from jetson_kit.wheels import litert, recipes, runtimes
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import ARCHITECTURES

REQUIREMENTS = ROOT / "requirements"
TABLE = REQUIREMENTS / "locks.toml"


@dataclass(frozen=True)
class DirectRequirement:
    """A requirement in an .in file."""

    name: str
    requirement: Requirement

    @property
    def limited(self) -> bool:
        """Return whether the file itself limits its version."""
        return bool(self.requirement.specifier)


def pythons() -> dict[str, str]:
    """Return the locks of requirements/ by name, each with the oldest Python that it is for."""
    result: dict[str, str] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["python"]
    return result


def references() -> list[str]:
    """Return the locks whose MediaPipe is what others are compared with: it stays as it is."""
    result: list[str] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["references"]
    return result


def directs(name: str, folder: Path = REQUIREMENTS) -> Iterator[DirectRequirement]:
    """Yield what an .in file asks for, those of the files that it includes too."""
    for line in (folder / f"{name}.in").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from directs(Path(text[3:].strip()).stem, folder)
        elif text:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            yield DirectRequirement(canonicalize_name(requirement.name), requirement)


def update_requirements(changes: Changes, request: Request) -> None:
    """Note the locks of requirements/ as they become with newer versions.

    A major step of what an .in file asks for is left to a person. Raises NetworkError,
    NoSolutionError.
    """
    with tempfile.TemporaryDirectory(prefix="kit-locks-") as name:
        aside = Path(name)
        shutil.copytree(REQUIREMENTS, aside, dirs_exist_ok=True)
        for path, text in changes.files.items():
            if path.parent == REQUIREMENTS:
                (aside / path.name).write_text(text, encoding="utf-8")
        for lock, python in pythons().items():
            if _concerned(request, lock, aside):
                _update_lock(changes, request, lock, python, aside)


def _concerned(request: Request, lock: str, folder: Path) -> bool:
    """Return whether a lock is to be made anew: all are, or it has what was named or is changed."""
    if not request.names:
        return True
    own = set(index.read(REQUIREMENTS / f"{lock}.txt"))
    names = {direct_requirement.name for direct_requirement in directs(lock, folder)}
    return bool(set(request.names) & (own | names)) or list(directs(lock)) != list(
        directs(lock, folder)
    )


def _update_lock(changes: Changes, request: Request, lock: str, python: str, folder: Path) -> None:
    path = REQUIREMENTS / f"{lock}.txt"
    have = index.read(path)
    direct_requirements = list(directs(lock, folder))
    limits = []
    for item in direct_requirements:
        named = request.version(item.name)
        if named and item.requirement.specifier.contains(named):
            limits.append(f"{item.name}=={named}")
        elif item.name in have and not item.limited:
            limits.append(f"{item.name}{_below_next_major(have[item.name])}")
    text = _compiled(request, lock, python, folder, limits)
    changes.write(path, text)
    versions = index.versions_in(text)
    for package, version in sorted(versions.items()):
        if package in have and have[package] != version:
            changes.take(package, have[package], version, f"requirements/{lock}.txt")
    requested = [
        direct_requirement
        for direct_requirement in direct_requirements
        if request.covers(direct_requirement.name) and direct_requirement.name in versions
    ]
    newest = index.newest(
        [direct_requirement.name for direct_requirement in requested], index.NEWEST_PYTHON
    )
    for item in requested:
        there, mine = newest.get(item.name, ""), versions[item.name]
        if not there or Version(there) <= Version(mine):
            continue
        if item.limited:
            what = f"{there} is there; requirements/{lock}.in holds {item.requirement}"
            changes.hold(item.name, what, f"to take it: change requirements/{lock}.in")
        elif is_major(mine, there):
            what = f"{there} is there, a major step from {mine} in requirements/{lock}.txt"
            changes.decide(item.name, what, f"to take it: ./inv data.update {item.name}=={there}")


def _below_next_major(version: str) -> str:
    first, second, *_ = (*Version(version).release, 0)
    return f"<0.{second + 1}" if first == 0 else f"<{first + 1}"


def _compiled(request: Request, lock: str, python: str, folder: Path, limits: list[str]) -> str:
    constraints = folder / f"{lock}.limits"
    constraints.write_text("".join(f"{line}\n" for line in limits), encoding="utf-8")
    upgrade = [word for name in request.names for word in ("--upgrade-package", name)]
    uv.uv(
        [
            *"pip compile --quiet --generate-hashes --universal --no-annotate --no-header".split(),
            *("--python-version", python, "--constraints", constraints),
            *(upgrade or ["--upgrade"]),
            *(folder / f"{lock}.in", "--output-file", folder / f"{lock}.txt"),
        ],
        what=f"locking requirements/{lock}.in",
    )
    return (folder / f"{lock}.txt").read_text(encoding="utf-8")


def update_classes(changes: Changes, request: Request) -> None:
    """Note the locks of wheel classes, of LiteRT and of TensorRT. Raises NetworkError."""
    for group in wheels.classes().values():
        pin = next(pin for pin in wheels.pins() if pin.wheel_class == group.name)
        requires = sorted(recipes.recipe_for(pin.version).requires)
        for arch, machine in ARCHITECTURES.items():
            for python in group.pythons:
                path = wheels.lock_path(group.name, arch, python)
                platform = f"{machine}-{group.manylinux}"
                _renewed(changes, request, path, requires, platform, python, group.constraints)
    for path, (arch, python) in litert.wanted_locks().items():
        requires, limits = litert.requirements(python), litert.constraints()
        _renewed(
            changes, request, path, requires, litert.platform(arch), python, limits,
            dependencies=False,
        )  # fmt: skip
    for path, requirements in runtimes.wanted_locks().items():
        python = path.stem.rpartition("-py")[2]
        _renewed(changes, request, path, requirements, runtimes.platform(), python)
    for group in wheels.classes().values():
        for limit in group.constraints:
            _held(changes, request, Requirement(limit), group.name)


def _held(changes: Changes, request: Request, limit: Requirement, group: str) -> None:
    if not request.covers(limit.name):
        return
    newest = index.newest([limit.name], index.NEWEST_PYTHON)[canonicalize_name(limit.name)]
    if not limit.specifier.contains(newest):
        changes.hold(
            limit.name,
            f"{newest} is there; the class {group} holds {limit}",
            "to take it: change `constraints` in jetson_kit/wheels/wheels.toml",
        )


def _renewed(
    changes: Changes,
    request: Request,
    path: Path,
    requirements: list[str],
    platform: str,
    python: str,
    constraints: tuple[str, ...] = (),
    *,
    dependencies: bool = True,
) -> None:
    have = index.read(path)
    if request.names and not set(request.names) & set(have):
        return
    try:
        text = uv.compile_lock(
            requirements,
            platform=platform,
            python=python,
            constraints=constraints,
            keep=path if request.names else None,
            upgrade=request.names,
            dependencies=dependencies,
        )
    except uv.NoSolutionError as error:
        limits = ", ".join((*requirements, *constraints))
        changes.decide(
            path.name,
            f"nothing satisfies {limits}: {error.message}",
            f"change jetson_kit/wheels/{'wheels' if dependencies else 'litert'}.toml",
        )
        return
    changes.write(path, text)
    for package, version in index.versions_in(text).items():
        if have.get(package, version) != version:
            changes.take(package, have[package], version, str(path.relative_to(ROOT)))


def names_in_locks() -> set[str]:
    """Return every package that some lock holds."""
    paths = [*REQUIREMENTS.glob("*.txt"), *wheels.LOCKS.rglob("*.txt")]
    return {name for path in paths for name in index.read(path)}


def pinned_in(text: str, package: str) -> str:
    """Return the version in a line `package==VERSION` of an .in file, "" without one."""
    match = re.search(rf"^{re.escape(package)}==(\S+)$", text, re.MULTILINE)
    return match[1] if match else ""


def with_pin(text: str, package: str, version: str) -> str:
    """Return an .in file with the version of its line `package==VERSION` changed."""
    return re.sub(rf"^({re.escape(package)}==)\S+$", rf"\g<1>{version}", text, flags=re.MULTILINE)
