"""The lock of an application's packages: resolved for the image, natively, as wheels.

It stands beside the application, is made again when what it follows from has changed, and holds
what the image lacks: versions that the image has are the image's. What has no wheel is built from
source first, where the caller has builds.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from jetson_kit.app import (
    hints,
    inputs,
    lock_lines,
    requirements_file,
    resolve,
    source_packages,
    wheel_folder,
)
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.requirements_file import Requirements
from jetson_kit.app.settings import App
from jetson_kit.app.source import model, unpack, wheels
from jetson_kit.app.source.model import MACHINES, Built
from jetson_kit.app.source.wheels import Builds
from jetson_kit.app.source_packages import SourcePackages
from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import sha256_file, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.uv import NoSolutionError
from jetson_kit.wheels import locks

FORMAT = 2
PINNED = re.compile(r"^\s*mediapipe\s*[=<>!~]", re.IGNORECASE | re.MULTILINE)
# The names of packages that are so, and the length from which a reason names these alone.
LACKS = re.compile(
    r"([A-Za-z0-9][\w-]*(?:\.[A-Za-z][\w-]*)*)\S* (?:has|have) no (?:usable )?wheels"
)
LONGEST = 400
# What it says of one requirement by itself, around what is wrong with it.
ALONE = re.compile(
    r"Because ((?:(?!we can conclude).)+?),? we can conclude that your requirements are "
    r"unsatisfiable(.*)"
)
PYTHON = re.compile(r"requires Python|satisfy Python")
INPUTS = "# inputs sha256:"
NO_WHEEL = re.compile(r"(?:has|have) no (?:usable )?wheels|no wheels? with a matching", re.I)
HEAD = "# ./inv build --app writes it; --refresh takes newer versions\n"


@dataclass(frozen=True)
class Lock:
    """What the application's layer holds: hash-pinned lines, and where an installer finds them."""

    text: str
    """A package that is built from source has the hash of its source."""
    sources: tuple[str, ...]
    """Lines of options; they may hold passwords and go into nothing that stays."""
    platform: str
    fresh: bool
    """Whether it was resolved now."""
    built: tuple[Built, ...] = ()
    """The wheels of what is built from source."""
    unset: str = ""
    """What is to say of a variable of the sources that is not set; "" where all are."""

    @property
    def pins(self) -> tuple[str, ...]:
        """Return the packages with their versions."""
        return locks.locked(self.text)

    @property
    def installable(self) -> str:
        """Return a requirements file that an installer takes, with the hashes of what was built.

        It may hold passwords.
        """
        text = lock_lines.with_hashes(
            self.text, {item.source.name: item.sha256 for item in self.built}
        )
        return "\n".join((*self.sources, *wheels.find_links(self.built), text))


def path_of(app: App, arch: str, python: str) -> Path:
    """Return where an application's lock is or would be."""
    return app.folder / f"requirements-{arch}-py{python}.jetson.lock"


def make(
    app: App,
    held: BasePackages,
    arch: str,
    python: str,
    *,
    file: str = "",
    refresh: bool = False,
    builds: Builds | None = None,
) -> Lock:
    """Return the lock, resolved anew only where requirements or image have changed.

    `file` is another requirements file of the folder; its lock is kept in the cache. Without
    `builds` a package without a wheel is refused. Raises BadInputError for requirements that don't
    fit the image or have no wheel, NetworkError, and what building from source raises.
    """
    platform = f"{MACHINES[arch]}-{held.manylinux}"
    requirements = inputs.read(app, file)
    options = requirements.options
    if app.wheels:
        options = (*options, f"--find-links {app.folder / app.wheels}")
    if builds is not None:
        builds.options, builds.image = options, held.pins
    key = _key(app, requirements, held, platform, python)
    path = path_of(app, arch, python) if not file else cache_dir("app-locks") / f"{key}.txt"
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    rows = model.from_rows(known)
    lock_lines.check(lock_lines.joined(known), str(path))
    if known.startswith(f"{INPUTS}{key}\n") and not refresh and (builds or not rows):
        _check_builds(requirements.path, known)
        with requirements_file.asking(requirements.unset):
            results = [builds.build(row) for row in rows] if builds else []
        if builds:
            SourcePackages(builds, rows, requirements, path).check(held)
        there = tuple(filter(None, results))
        return Lock(known, options, platform, fresh=False, built=there, unset=requirements.unset)
    if requirements.unset:
        raise BadInputError(requirements.unset, requirements_file.EXPORT)
    keep = "" if refresh else known
    try:
        text, built = _resolve(requirements, held, platform, python, options, builds, keep)
    except BadInputError as error:
        if other := wheel_folder.unfit(app, error.message, platform, python):
            raise BadInputError(
                f"{error.message}; {other}", f"put its wheel for {platform}, Python {python} there"
            ) from error
        raise
    text = lock_lines.without(text, held.names)
    names = {canonicalize_name(pin.partition("==")[0]) for pin in locks.locked(text)}
    built = tuple(item for item in built if item.source.name in names)
    own = {item.source.name for item in built}
    text = lock_lines.allowed(
        text,
        lambda name: frozenset() if name in own else requirements.hashes(name),
        requirements.path,
    )
    text = lock_lines.with_hashes(text, {item.source.name: _content(item) for item in built})
    sources = model.to_rows(item.source for item in built)
    whole = f"{INPUTS}{key}\n{HEAD}{sources}{text}"
    try:
        write_text(path, whole)
    except OSError as error:
        raise BadInputError(
            f"the lock {path} can't be written: {error.strerror}", "let this user write there"
        ) from error
    return Lock(whole, options, platform, fresh=True, built=built)


def for_machine(lock: Lock, builds: Builds) -> Lock:
    """Return a lock with the wheels that its sources give for another machine."""
    builds.options = lock.sources
    with requirements_file.asking(lock.unset):
        results = [builds.build(item.source) for item in lock.built]
    return replace(lock, built=tuple(filter(None, results)))


def _key(
    app: App, requirements: Requirements, held: BasePackages, platform: str, python: str
) -> str:
    parts = (
        *(str(FORMAT), *requirements.texts.values(), *held.constraints, platform, python),
        *(_wheels(app), *source_packages.folders(requirements, app.include)),
        *_building(app),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _building(app: App) -> tuple[str, ...]:
    """Return what jetson.toml says of builds from source; nothing where it says nothing."""
    build = app.build
    lists = {"debian": build.debian, "requires": build.requires, "constraints": build.constraints}
    return tuple(f"{key}={' '.join(rows)}" for key, rows in lists.items() if rows)


def _wheels(app: App) -> str:
    """Return the files in the application's folder of wheels, each with its sha256."""
    if not app.wheels:
        return ""
    folder = app.folder / app.wheels
    paths = [path for end in (".whl", *unpack.ARCHIVES) for path in folder.glob(f"*{end}")]
    return "\n".join(f"{path.name} {sha256_file(path)}" for path in sorted(paths))


def _content(item: Built) -> str:
    """Return 64 digits that stand for a source in a lock: its sha256, else its commit's."""
    source = item.source
    return source.sha256 or hashlib.sha256(source.commit.encode()).hexdigest()


def _resolve(
    requirements: Requirements,
    held: BasePackages,
    platform: str,
    python: str,
    options: Sequence[str],
    builds: Builds | None,
    keep: str,
) -> tuple[str, tuple[Built, ...]]:
    path = requirements.path
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as scratch:
        packages = SourcePackages(builds, model.from_rows(keep), requirements, Path(scratch))
        file = packages.rewritten()
        while True:
            places = (*options, *packages.places, *source_packages.held_places(held))
            request = _Request(file, path, held, platform, python, places)
            try:
                text = request.compile(held.constraints, keep)
            except NoSolutionError as error:
                if packages.add(error):
                    continue
                raise _refused(request, str(error.message)) from error
            except StepFailedError as error:
                cure = hints.in_reason(str(error.message), python) or "correct requirements"
                raise BadInputError(f"{path}: {error.message}", cure) from error
            _check_builds(path, text)
            packages.check(held)
            return text, tuple(packages.built)


def _check_builds(path: Path, text: str) -> None:
    """Raise BadInputError for a lock with another build of MediaPipe than the image's."""
    for name, _, _ in map(_pair, locks.locked(text)):
        if hints.is_build(name):
            raise BadInputError(f"{path} asks for {name}", hints.of_package(name))


@dataclass(frozen=True)
class _Request:
    """What to resolve: `file` for uv, `shown` for the user."""

    file: Path
    shown: Path
    held: BasePackages
    platform: str
    python: str
    places: tuple[str, ...]

    def compile(self, constraints: Sequence[str], keep: str = "") -> str:
        what = f"{self.shown.name} for {self.platform}, Python {self.python}"
        return resolve.compile_file(
            self.file, self.platform, self.python, self.places, constraints, keep=keep, what=what
        )


def _refused(request: _Request, reason: str) -> BadInputError:
    """Return why there is no lock: the image, a package without a wheel, or themselves."""
    held, source = request.held, request.shown
    image = "allow the image's version, or choose another image: [target] python or mediapipe"
    if PINNED.search(request.file.read_text(encoding="utf-8")) and "mediapipe" in reason:
        image = f"write mediapipe without a version in {source.name}: the image's is used"
    try:
        loose = locks.locked(request.compile(()))
    except StepFailedError:
        if any(limit in reason for limit in held.constraints):
            short = _short(reason)
            for limit in held.constraints:
                short = short.replace(f" and {limit}", f", and the image has {limit}")
            return BadInputError(f"{source} does not fit the image: {short}", image)
        if NO_WHEEL.search(reason):
            names = dict.fromkeys(_pinned(name, reason) for name in LACKS.findall(reason))
            brief = names and (len(_short(reason)) > LONGEST or hints.CHAIN not in reason)
            return BadInputError(
                f"{source}: {', '.join(names) if brief else 'a package'} has no wheel for "
                f"{request.platform} and Python {request.python}, and no source that can be built"
                + ("" if brief else f": {_short(reason)}"),
                hints.in_reason(reason, request.python)
                or _with_wheel(request, reason) + "build its wheel and put it into wheels/",
            )
        cure = hints.in_reason(reason, request.python) or "correct the requirements"
        if uv.REFUSES in reason:
            cure = (
                "correct the index's address, user or password (docs/app.md), or the requirements"
            )
        if PYTHON.search(reason):
            cure = f"the image has Python {request.python}, another is named by [target] python"
        return BadInputError(f"{source}: {_short(reason)}", cure)
    pairs = [(canonicalize_name(name), version) for name, _, version in map(_pair, loose)]
    others = {
        f"{name} {version} (the image has {held.version(name)})": (name, version)
        for name, version in pairs
        if name in held.names and held.version(name) not in ("", version)
    }
    # The newest that is allowed was taken: an older one than the image's means that this is not.
    named = [
        text
        for text, (name, version) in others.items()
        if re.search(rf"\b{re.escape(name)}\b", reason)
        or Version(version) < Version(held.version(name))
    ]
    what = ", ".join(named or others) or _short(reason)
    return BadInputError(f"{source} does not fit the image: it needs {what}", image)


def _pinned(name: str, reason: str) -> str:
    """Return a package with the version that the requirements themselves ask for, if any."""
    match = re.search(rf"you require ({re.escape(name)}==[\w.+!]*\w)", reason)
    return match[1] if match else name


def _with_wheel(request: _Request, reason: str) -> str:
    """Return which version of the package that was refused has a wheel; "" where none is known."""
    match = re.search(r"\b([A-Za-z0-9][\w.-]*)==\S+ has no", reason)
    if not match:
        return ""
    name = canonicalize_name(match[1])
    pin = source_packages.with_wheel(
        name, request.held, request.platform, request.python, request.places
    )
    return f"{pin} has one: take it, or " if pin else ""


def _pair(pin: str) -> tuple[str, str, str]:
    return pin.partition("==")


def _short(reason: str) -> str:
    """Return a resolver's reason; of one requirement by itself only what is wrong with it."""
    text = " ".join(reason.partition(": ")[2].split()).rstrip(".")
    alone = ALONE.fullmatch(text)
    return alone[1] + alone[2] if alone else text
