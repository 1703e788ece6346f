"""The lock of an application's packages: resolved for the image, natively, wheels only.

It stands beside the application, is made again when what it follows from has changed, and holds
what the image lacks: versions that the image has are the image's.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jetson_kit.app import base_packages as holding
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.settings import App
from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError, KitError, StepFailedError
from jetson_kit.core.files import sha256_file, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.uv import NoSolutionError
from jetson_kit.wheels import locks

FORMAT = 1
INPUTS = "# inputs sha256:"
# Options of a requirements file that say where packages are.
PLACES = re.compile(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index)\b")
LOCAL = re.compile(r"^\s*(?:-e\b|--editable\b|\.{0,2}/|file:)|\s@\s*file:")
NO_WHEEL = re.compile(r"(?:has|have) no (?:usable )?wheels|no wheels? with a matching", re.I)
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True)
class Lock:
    """What the application's layer holds: hash-pinned lines, and where an installer finds them."""

    text: str
    sources: tuple[str, ...]
    """Lines of options; they may hold passwords and go into nothing that stays."""
    platform: str
    fresh: bool
    """Whether it was resolved now."""

    @property
    def pins(self) -> tuple[str, ...]:
        """Return the packages with their versions."""
        return locks.locked(self.text)


def path_of(app: App, arch: str, python: str) -> Path:
    """Return where an application's lock is or would be."""
    return app.folder / f"requirements-{arch}-py{python}.jetson.lock"


def make(
    app: App, held: BasePackages, arch: str, python: str, *, file: str = "", refresh: bool = False
) -> Lock:
    """Return the lock, resolved anew only where requirements or image have changed.

    `file` is another requirements file of the folder; its lock is kept in the cache. Raises
    BadInputError for requirements that don't fit the image or have no wheel, NetworkError.
    """
    source = app.folder / (file or app.requirements)
    platform = f"{MACHINES[arch]}-{held.manylinux}"
    texts = _texts(source, app.folder)
    key = _key(texts, held, platform, python, _wheels(app))
    path = path_of(app, arch, python) if not file else cache_dir("app-locks") / f"{key}.txt"
    sources = tuple(_absolute(line, app.folder) for text in texts for line in _places(text))
    if app.wheels:
        sources = (*sources, f"--find-links {app.folder / app.wheels}")
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    if known.startswith(f"{INPUTS}{key}\n") and not refresh:
        return Lock(known, sources, platform, fresh=False)
    keep = None if refresh else known
    text = _without(_resolve(source, held, platform, python, sources, keep=keep), held.names)
    whole = f"{INPUTS}{key}\n# ./inv build --app writes it; --refresh takes newer versions\n{text}"
    try:
        write_text(path, whole)
    except OSError as error:
        raise BadInputError(
            f"the lock {path} can't be written: {error.strerror}", "let this user write there"
        ) from error
    return Lock(whole, sources, platform, fresh=True)


def _texts(path: Path, folder: Path) -> list[str]:
    """Return the texts of a requirements file and of those that it names. Raises BadInputError."""
    texts, waiting, seen = [], [path], set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if not one.resolve().is_relative_to(folder.resolve()):
            raise BadInputError(f"{path.name} names {one}, outside of {folder}", "move it there")
        try:
            text = one.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise BadInputError(f"{one} can't be read: {reason}", "correct requirements") from error
        texts.append(text)
        for number, line in enumerate(text.splitlines(), 1):
            _check_line(one, number, line)
            if match := re.match(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", line):
                waiting.append(one.parent / match[1])
    return texts


def _check_line(path: Path, number: int, line: str) -> None:
    text = re.sub(r"(^|\s)#.*$", "", line).strip()
    if LOCAL.search(text):
        raise BadInputError(
            f"{path}: line {number} names a local path",
            "put its wheel into the folder wheels/ and name the package alone",
        )
    if not text or text.startswith(("-", "http:", "https:", "git+")) or text.endswith("\\"):
        return
    try:
        Requirement(re.sub(r"\s--hash=\S+", "", text))
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise BadInputError(
            f"{path}: line {number} is no requirement: {reason}", "write it like numpy>=1.26"
        ) from error


def _places(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if PLACES.match(line)]


def _absolute(line: str, folder: Path) -> str:
    """Return a line of options with a folder's path made absolute."""
    option, _, place = line.replace("=", " ", 1).partition(" ")
    place = place.strip()
    if option in ("-f", "--find-links") and "://" not in place:
        return f"{option} {folder / place}"
    return f"{option} {place}".strip()


def _wheels(app: App) -> str:
    """Return what stands in the application's folder of wheels."""
    if not app.wheels:
        return ""
    paths = sorted((app.folder / app.wheels).glob("*.whl"))
    return "\n".join(f"{path.name} {sha256_file(path)}" for path in paths)


def _key(texts: Sequence[str], held: BasePackages, platform: str, python: str, wheels: str) -> str:
    parts = (str(FORMAT), *texts, *held.constraints, platform, python, wheels)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _resolve(
    source: Path,
    held: BasePackages,
    platform: str,
    python: str,
    sources: Sequence[str],
    *,
    keep: str | None,
) -> str:
    limits = held.constraints
    try:
        return _compile(source, held, platform, python, sources, limits, keep)
    except NoSolutionError as error:
        raise _refused(source, held, platform, python, sources, str(error.message)) from error
    except StepFailedError as error:
        raise BadInputError(f"{source}: {error.message}", "correct requirements") from error


def _compile(
    source: Path,
    held: BasePackages,
    platform: str,
    python: str,
    sources: Sequence[str],
    constraints: Sequence[str],
    keep: str | None = None,
) -> str:
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as aside:
        lock, limits = Path(aside, "lock.txt"), Path(aside, "image.txt")
        limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        places = Path(aside, "places.txt")
        places.write_text("".join(f"{line}\n" for line in sources), encoding="utf-8")
        if keep:
            lock.write_text(keep, encoding="utf-8")
        uv.uv(
            [
                *("pip", "compile", source, places, "--quiet", "--generate-hashes"),
                *"--only-binary :all: --no-header --no-annotate --no-emit-index-url".split(),
                *("--no-emit-find-links", "--find-links", holding.folder(held)),
                *("--python-platform", platform, "--python-version", python),
                *("--constraints", limits, "--output-file", lock),
            ],
            what=f"{source.name} for {platform}, Python {python}",
        )
        return lock.read_text(encoding="utf-8")


def _refused(
    source: Path,
    held: BasePackages,
    platform: str,
    python: str,
    sources: Sequence[str],
    reason: str,
) -> BadInputError:
    """Return why there is no lock: the image, a package without a wheel, or themselves."""
    image = "allow the image's version, or choose another image: [target] python or mediapipe"
    try:
        loose = locks.locked(_compile(source, held, platform, python, sources, ()))
    except StepFailedError:
        if any(limit in reason for limit in held.constraints):
            return BadInputError(f"{source} does not fit the image: {_short(reason)}", image)
        if NO_WHEEL.search(reason):
            return BadInputError(
                f"{source}: a package has no wheel for {platform} and Python {python}, and none is "
                f"compiled: {_short(reason)}",
                _with_wheel(held, platform, python, sources, reason)
                + "build its wheel and put it into wheels/",
            )
        return BadInputError(f"{source}: {_short(reason)}", "correct the requirements")
    pairs = [(canonicalize_name(name), version) for name, _, version in map(_pair, loose)]
    others = [
        (name, f"{name} {version} (the image has {held.version(name)})")
        for name, version in pairs
        if name in held.names and held.version(name) not in ("", version)
    ]
    named = [text for name, text in others if re.search(rf"\b{re.escape(name)}\b", reason)]
    what = ", ".join(named or [text for _, text in others]) or _short(reason)
    return BadInputError(f"{source} does not fit the image: it needs {what}", image)


def _with_wheel(
    held: BasePackages, platform: str, python: str, sources: Sequence[str], reason: str
) -> str:
    """Return which version of the package that was refused has a wheel; "" where none is known."""
    match = re.search(r"\b([A-Za-z0-9][\w.-]*)==\S+ has no", reason)
    if not match:
        return ""
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-lock-") as aside:
        alone = Path(aside, "requirements.txt")
        alone.write_text(f"{match[1]}\n", encoding="utf-8")
        try:
            text = _compile(alone, held, platform, python, sources, held.constraints)
        except KitError:
            return ""
    name = canonicalize_name(match[1])
    pins = [pin for pin in locks.locked(text) if canonicalize_name(_pair(pin)[0]) == name]
    return f"{pins[0]} has one: take it, or " if pins else ""


def _pair(pin: str) -> tuple[str, str, str]:
    return pin.partition("==")


def _short(reason: str) -> str:
    return " ".join(reason.partition(": ")[2].split()).rstrip(".")


def _without(text: str, names: frozenset[str]) -> str:
    """Return a lock without the packages that the image has."""
    kept: list[str] = []
    skip = False
    for line in text.splitlines(keepends=True):
        if not line[:1].isspace():
            name = re.split(r"[\s=@\[;]", line, maxsplit=1)[0]
            skip = canonicalize_name(name) in names
        if not skip and not line.startswith("#"):
            kept.append(line)
    return "".join(kept)
