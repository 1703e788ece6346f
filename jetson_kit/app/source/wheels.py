"""Wheels of packages of which there is only source: out of the cache, else built in a container.

A package without compiled code is built on this machine's own processor; where that gives a wheel
for any machine, it is taken. All others are built for the target, under emulation.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from jetson_kit.app.settings import App
from jetson_kit.app.source import builder, container, failures, fetch, requires, unpack
from jetson_kit.app.source.builder import Builder
from jetson_kit.app.source.container import Job, Limits
from jetson_kit.app.source.model import Built, Source, Target
from jetson_kit.core import cached_files, log
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import disk_guard, locked, sha256_file
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import cache_dir

# Raised when the same inputs would give other wheels than before.
FORMAT = 1
LARGEST = 1 << 30
ELF = b"\x7fELF"


@dataclass
class Builds:
    """Builds the wheels of one application for one target."""

    app: App
    target: Target
    emulation: bool = True
    """Whether what has to be compiled for another processor is."""
    refresh: bool = False
    options: tuple[str, ...] = ()
    """Lines of a requirements file that name indexes; they may hold passwords."""
    image: tuple[str, ...] = ()
    """The image's versions, as constraints."""
    reserve: int = container.RESERVE
    """Bytes that a build must leave free on the disk."""
    refused: list[Source] = field(default_factory=list)
    """What `emulation` forbids, so far."""
    _builders: dict[str, Builder] = field(default_factory=dict)

    def builder(self, target: Target) -> Builder:
        """Return the builder of a target's architecture. Raises as builder.make."""
        if target.arch not in self._builders:
            target_builder = builder.make(self.app, target, refresh=self.refresh)
            self._builders[target.arch] = target_builder
        return self._builders[target.arch]

    def build(self, source: Source) -> Built | None:
        """Return a source's wheel; None where it needs emulation and there is to be none.

        Raises what fetching raises, ToolMissingError without QEMU, StepFailedError with the
        compiler's first error, DiskFullError.
        """
        with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-build-") as name:
            job = _Package(self, source, Path(name))
            with locked(cache_dir("locks") / f"app-build-{source.content[:40]}.lock", job.waiting):
                return job.build()


@dataclass
class _Package:
    builds: Builds
    source: Source
    scratch: Path
    _unpacked: Path | None = None

    def waiting(self) -> None:
        log.LOG.info("        another build is at work on %s", self.source.label)

    def build(self) -> Built | None:
        target = self.builds.target
        native = replace(target, arch=host_arch(), core=None)
        emulated = target.arch != native.arch
        if self.source.compiled is None or self.builds.refresh:
            system = requires.read(self._folder(), self.source.label)
            self.source = replace(
                self.source,
                requires=self._locked((*system.requires, *self.builds.app.build.requires)),
                compiled=unpack.has_native_code(self._folder()),
            )
        if emulated and not self.source.compiled:
            result = self._get_or_build(native)
            if result.pure:
                return result
        if known := self._known(target):
            return known
        if emulated and not self.builds.emulation:
            self.builds.refused.append(self.source)
            return None
        if emulated:
            failures.announce(self.source, target, self.builds.app)
        return self._get_or_build(target)

    def _folder(self) -> Path:
        if self._unpacked is None:
            builds = self.builds
            with disk_guard(self.scratch):
                self._unpacked = fetch.put(
                    self.source, builds.app.folder, self.scratch / "source", builds.options,
                    builds.target.python, builds.app.include,
                )  # fmt: skip
        return self._unpacked

    def _locked(self, needs: Sequence[str]) -> tuple[str, ...]:
        builds = self.builds
        return requires.locked(
            needs, builds.target, builds.options, builds.image, builds.app.build.constraints,
            self.source.label,
        )  # fmt: skip

    def _place(self, target: Target) -> Path:
        target_builder = self.builds.builder(target)
        text = json.dumps(
            [
                *(FORMAT, self.source.content, self.source.requires, target.arch, target.python),
                *(target.platform, target.core.qemu if target.core else "", target_builder.key),
                sha256_file(container.HOOK),
            ]
        )
        return cache_dir("app-built") / hashlib.sha256(text.encode()).hexdigest()[:24]

    def _known(self, target: Target) -> Built | None:
        place = self._place(target)
        for wheel in place.glob("*.whl") if place.is_dir() else ():
            if cached_files.intact(wheel):
                return self._built(wheel)
        return None

    def _get_or_build(self, target: Target) -> Built:
        if known := self._known(target):
            return known
        log.LOG.info("        building %s for %s", self.source.label, target.arch)
        wheel = self._run(target)
        # What the build asked for beyond its pyproject.toml is an input too.
        place = self._place(target)
        place.mkdir(parents=True, exist_ok=True)
        for old in place.glob("*.whl"):
            cached_files.forget(old)
        with cached_files.create(place / wheel.name) as aside:
            shutil.copyfile(wheel, aside)
        return self._built(place / wheel.name)

    def _run(self, target: Target) -> Path:
        """Build in a container; return the wheel, checked, in the scratch folder."""
        app = self.builds.app
        system = requires.read(self._folder(), self.source.label)
        image = builder.image(self.builds.builder(target))
        safe = re.sub(r"[^\w.-]", "_", self.source.label)[:60]
        path = cache_dir("app-build-logs") / f"{safe}-{target.arch}-py{target.python}.log"
        limits = Limits(app.build.timeout_s, app.build.memory_mb, self.builds.reserve)
        for _ in range(2):
            with tempfile.TemporaryDirectory(dir=self.scratch) as name:
                work, deps, out = (Path(name, part) for part in ("work", "deps", "out"))
                with disk_guard(work):
                    shutil.copytree(self._folder(), work / "src", symlinks=True)
                    requires.unpacked(self.source.requires, target, self.builds.options, deps)
                    request = {"backend": system.backend, "backend_path": system.backend_path}
                    (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
                job = Job(self.source.label, image, target.arch, target.core, work, deps, out, path)
                end = container.run(job, limits)
                result = _result(out)
                if more := result.get("requires"):
                    needs = (*system.requires, *app.build.requires, *map(str, more))
                    self.source = replace(self.source, requires=self._locked(needs))
                    continue
                failures.check(self.source, end, result, path, app)
                return self._taken(out, path)
        raise StepFailedError(f"{self.source.label}: its build asks for packages without end")

    def _taken(self, out: Path, path: Path) -> Path:
        """Copy the wheel that a container, trusted in nothing, wrote to the scratch folder."""
        wheels = [entry for entry in os.scandir(out) if entry.name.endswith(".whl")]
        label = self.source.label
        if len(wheels) != 1 or not wheels[0].is_file(follow_symlinks=False):
            raise StepFailedError(f"{label}: its build gave no wheel; its log is {path}")
        name = wheels[0].name
        try:
            distribution, version, _, tags = parse_wheel_filename(name)
        except InvalidWheelFilename as error:
            raise StepFailedError(f"{label}: its build gave {name!r}, which is no wheel") from error
        if self.source.name and distribution != canonicalize_name(self.source.name):
            raise StepFailedError(
                f"{label}: its build gave a wheel of {distribution} {version}", "name that package"
            )
        del tags
        with _opened(out / name) as stream, disk_guard(self.scratch):
            if os.fstat(stream.fileno()).st_size > LARGEST:
                raise StepFailedError(f"{label}: its wheel is larger than 1 GiB")
            copy = self.scratch / name
            with copy.open("wb") as into:
                shutil.copyfileobj(stream, into)
        if not zipfile.is_zipfile(copy):
            raise StepFailedError(f"{label}: its build gave a damaged wheel; its log is {path}")
        return copy

    def _built(self, wheel: Path) -> Built:
        name, version, _, tags = parse_wheel_filename(wheel.name)
        pure = all(tag.platform == "any" for tag in tags) and not _has_library(wheel)
        source = replace(self.source, name=name, version=str(version))
        return Built(source, wheel, cached_files.sha256(wheel), pure)


def find_links(built: Iterable[Built]) -> tuple[str, ...]:
    """Return the lines by which an installer finds wheels that were built."""
    return tuple(f"--find-links {item.wheel.parent}" for item in built)


def forget_unused() -> None:
    """Remove sources and wheels, logs too, that no build has used for long."""
    cached_files.forget_unused(cache_dir("app-built"), "*/*.whl")
    for name in ("app-sources", "app-build-logs"):
        cached_files.forget_unused(cache_dir(name), "*")


def _result(out: Path) -> dict[str, Any]:
    """Return what the build says of itself; nothing where it says nothing that can be read."""
    try:
        with _opened(out / "result.json") as stream:
            body = json.loads(stream.read(1 << 20))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _opened(path: Path) -> IO[bytes]:
    """Open a file that a container wrote: a regular one, reached by no link. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return os.fdopen(handle, "rb")


def _has_library(wheel: Path) -> bool:
    with zipfile.ZipFile(wheel) as bundle:
        for item in bundle.infolist():
            if item.file_size > len(ELF):
                with bundle.open(item) as stream:
                    if stream.read(len(ELF)) == ELF:
                        return True
    return False
