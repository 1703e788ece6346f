"""What the package index of this machine's uv offers: newest versions, and a release's wheels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from jetson_kit.core import uv

# A version's wheels for x86_64 Linux say that it is there; so one answer serves every machine.
PLATFORM = "x86_64-manylinux_2_35"
PYTHON = "3.11"
NEWEST_PYTHON = "3.14"


@dataclass(frozen=True)
class IndexFile:
    """One wheel of a release as the index lists it; `size` in bytes, 0 where it isn't told."""

    filename: str
    sha256: str
    size: int

    @property
    def tags(self) -> frozenset[tuple[str, str]]:
        """Return its (interpreter, platform) pairs."""
        every = parse_wheel_filename(self.filename)[3]
        return frozenset((tag.interpreter, tag.platform) for tag in every)

    def runs_on(self, machine: str, interpreter: str) -> bool:
        """Return whether it is for Linux on `machine` ("aarch64") and this interpreter tag."""
        return any(
            name == interpreter and _is_linux(platform, machine) for name, platform in self.tags
        )


def _is_linux(platform: str, machine: str) -> bool:
    return platform.endswith(f"_{machine}") and platform.startswith(("manylinux", "linux"))


def newest(requirements: Sequence[str], python: str = PYTHON) -> dict[str, str]:
    """Return the newest release of each package that a Python can take, by normal name.

    `requirements` may limit it ("ansible<13"). Raises NetworkError, StepFailedError.
    """
    return _resolved(requirements, python, "--no-deps") if requirements else {}


def newest_with(package: str, others: Sequence[str], python: str = PYTHON) -> str:
    """Return the newest release of a package whose own requirements fit the others."""
    return _resolved([package, *others], python)[canonicalize_name(package)]


def _resolved(requirements: Sequence[str], python: str, *options: str) -> dict[str, str]:
    text = uv.uv(
        [
            *"pip compile - --quiet --no-header --no-annotate --no-emit-index-url".split(),
            *"--no-emit-find-links --prerelease if-necessary".split(),
            *("--python-version", python, "--python-platform", PLATFORM, *options),
        ],
        what="looking for newer versions",
        stdin="".join(f"{requirement}\n" for requirement in requirements),
    )
    return versions_in(text)


def versions_in(lock: str) -> dict[str, str]:
    """Return the packages of a lock and their versions; the highest where markers give several."""
    return {name: max(versions, key=Version) for name, versions in all_versions_in(lock).items()}


def all_versions_in(lock: str) -> dict[str, list[str]]:
    """Return the packages of a lock and each version that a marker gives."""
    result: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if line[:1].isalnum():
            name, _, version = line.split()[0].partition("==")
            result.setdefault(canonicalize_name(name), []).append(version)
    return result


def newest_if_any(requirement: str, python: str = PYTHON) -> str:
    """Return the newest release that a requirement allows, "" where there is none."""
    try:
        result = newest([requirement], python)
    except uv.NoSolutionError:
        return ""
    return next(iter(result.values()), "")


def wheels_of(package: str, version: str, pythons: Iterable[str] = (PYTHON,)) -> list[IndexFile]:
    """Return every wheel of one release with its hash. Raises NoSolutionError, NetworkError.

    The index's answer leaves out wheels of other Pythons than those asked for or later.
    """
    result: dict[str, IndexFile] = {}
    for python in pythons:
        for row in uv.list_wheels(f"{package}=={version}", python):
            name = uv.wheel_name(row)
            result[name] = IndexFile(name, row["hashes"]["sha256"], int(row.get("size") or 0))
    return sorted(result.values(), key=lambda index_file: index_file.filename)


def read(path: Path) -> dict[str, str]:
    """Return the packages of a lock file and their versions, {} where there is none."""
    return versions_in(path.read_text(encoding="utf-8")) if path.exists() else {}
