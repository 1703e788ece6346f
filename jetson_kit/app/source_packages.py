"""What an application's requirements need that has no wheel, built one by one while resolving."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from jetson_kit.app import base_packages, hints, resolve
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.requirement_lines import Direct
from jetson_kit.app.requirements_file import Requirements
from jetson_kit.app.settings import Build
from jetson_kit.app.source import fetch, wheels
from jetson_kit.app.source.model import Built, Source
from jetson_kit.app.source.wheels import Builds
from jetson_kit.core.errors import BadInputError, IntegrityError, KitError, StepFailedError
from jetson_kit.core.uv import NoSolutionError
from jetson_kit.wheels import locks

NO_EMULATION = "build without --no-emulation"


@dataclass
class SourcePackages:
    """The packages of one resolution that are built from source."""

    builds: Builds | None
    known: tuple[Source, ...]
    """What a lock has of them: the same source needs the same packages for its build."""
    requirements: Requirements
    scratch: Path
    built: list[Built] = field(default_factory=list)
    _tried: set[str] = field(default_factory=set)

    @property
    def places(self) -> tuple[str, ...]:
        """Return the lines by which the resolver finds what was built."""
        stubs = (f"--find-links {self.scratch}",) if self.builds and self.builds.refused else ()
        return (*wheels.find_links(self.built), *stubs)

    def rewritten(self) -> Path:
        """Build what the requirements name by its source; return them with versions instead.

        Raises BadInputError where nothing is built, and what building raises.
        """
        pins: dict[Direct, str] = {}
        for direct in self.requirements.directs:
            if self.builds is None:
                raise BadInputError(
                    f"{direct.file}: line {direct.number} names a source",
                    "put its wheel into the folder wheels/ and name the package alone",
                )
            source = _source(direct, self.builds)
            built = self._build(source)
            if built is None:
                raise BadInputError(
                    f"{direct.file}: line {direct.number} names a source, which would be compiled "
                    "under emulation, and --no-emulation excludes that",
                    NO_EMULATION,
                )
            pins[direct] = direct.pinned(built.source.name, built.source.version)
        if not pins and not self.requirements.recoded:
            return self.requirements.path
        return self.requirements.rewritten(self.scratch / "requirements", pins)

    def add(self, error: NoSolutionError) -> bool:
        """Build what a resolver found no wheel of; tell whether it is worth asking it again."""
        builds = self.builds
        names = [name for name in error.source_only if name not in self._tried]
        if builds is None or not names:
            return False
        for name in names:
            hint = hints.of_package(name)
            if hint and not self._may_build(name, builds.app.build):
                raise BadInputError(
                    f"{self.requirements.path}: {name} has no wheel for the image, and can't be "
                    "built for it here", hint,
                )  # fmt: skip
            self._tried.add(name)
            exact = re.findall(rf"(?<![\w.-]){re.escape(name)}==(\S+) has no", str(error.message))
            lines = self.requirements.of(name) or [f"{name}=={version}" for version in exact[:1]]
            source = fetch.of_index(name, lines or [name], builds.target.python, builds.options)
            if source is None:
                return False
            allowed = self.requirements.hashes(name)
            if allowed and source.sha256 not in allowed:
                raise IntegrityError(
                    f"{source.filename} of the index has sha256 {source.sha256}, which "
                    f"{self.requirements.path} does not allow",
                    "nothing was built; check the index, or correct the hash",
                )
            try:
                built = self._build(source)
            except StepFailedError as failure:
                if not hint:
                    raise
                cure = "; ".join(filter(None, (failure.cure, hint)))
                raise StepFailedError(failure.message, cure) from failure
            if built is None:
                base_packages.write_empty_wheel(self.scratch, source.name, source.version)
        return True

    def check(self, held: BasePackages) -> None:
        """Raise BadInputError for what `--no-emulation` kept from being built."""
        builds = self.builds
        if builds is None or not builds.refused:
            return
        target = builds.target
        what = ", ".join(source.label for source in builds.refused)
        where = (held, target.platform, target.python, builds.options)
        alternatives = list(
            filter(None, (with_wheel(item.name, *where) for item in builds.refused))
        )
        has = "has" if len(builds.refused) == 1 else "have"
        raise BadInputError(
            f"{self.requirements.path}: {what} {has} no wheel for {target.platform} and would be "
            "compiled under emulation, which --no-emulation excludes",
            (
                f"with a wheel there is {', '.join(alternatives)}: take it, or "
                if alternatives
                else ""
            )
            + NO_EMULATION,
        )

    def _may_build(self, name: str, build: Build) -> bool:
        """Return whether a package that no plain build makes may be built all the same.

        It was before, or jetson.toml names what its build needs.
        """
        named = build.debian or build.requires or build.constraints
        return bool(named) or any(source.name == name for source in self.known)

    def _build(self, source: Source) -> Built | None:
        builds = self.builds
        if builds is None:
            return None
        for before in () if builds.refresh else self.known:
            if before.content == source.content:
                source = replace(source, requires=before.requires, compiled=before.compiled)
        built = builds.build(source)
        if built is not None:
            self.built.append(built)
        return built


def with_wheel(
    name: str, held: BasePackages, platform: str, python: str, options: Sequence[str]
) -> str:
    """Return the version of a package that has a wheel, such as spam==0.9; "" for none."""
    try:
        text = resolve.compile_lines(
            [name], platform, python, (*options, *held_places(held)), held.constraints, name
        )
    except KitError:
        return ""
    pins = [pin for pin in locks.locked(text) if canonicalize_name(pin.partition("==")[0]) == name]
    return pins[0] if pins else ""


def held_places(held: BasePackages) -> tuple[str, ...]:
    """Return the line by which the resolver finds what the image has and no index."""
    return (f"--find-links {base_packages.folder(held)}",)


def folders(requirements: Requirements, include: Sequence[str]) -> Iterable[str]:
    """Yield what identifies the folders and files that requirements name."""
    for direct in requirements.directs:
        if direct.kind == "folder":
            source = fetch.of_folder(requirements.folder, direct.place, direct.name, include)
            yield f"{direct.place} {source.sha256}"


def _source(direct: Direct, builds: Builds) -> Source:
    name = canonicalize_name(direct.name) if direct.name else ""
    if direct.kind == "folder":
        return fetch.of_folder(builds.app.folder, direct.place, name, builds.app.include)
    if direct.kind == "git":
        return fetch.of_git(direct.place, name)
    return fetch.of_address(direct.place, name, builds.options)
