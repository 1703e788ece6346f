"""What a package's build needs: read from its pyproject.toml, locked by hash, unpacked natively."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from jetson_kit.app import lock_lines, resolve
from jetson_kit.app.source.model import Target
from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.reasons import why
from jetson_kit.core.uv import NoSolutionError

# PEP 517: of a package without pyproject.toml, or without a backend in it.
LEGACY = "setuptools.build_meta:__legacy__"
LEGACY_REQUIRES = ("setuptools>=40.8.0", "wheel")
BACKEND = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")


@dataclass(frozen=True)
class BuildSystem:
    """The table [build-system] of a package."""

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()


def read(folder: Path, label: str) -> BuildSystem:
    """Return how a package is built. Raises BadInputError for one that can't be."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        if not (folder / "setup.py").is_file():
            raise BadInputError(
                f"{label} has neither pyproject.toml nor setup.py", "it is no Python package"
            )
        return BuildSystem(LEGACY_REQUIRES, LEGACY)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("build-system", {})
        requires = tuple(table.get("requires", LEGACY_REQUIRES))
        backend = table.get("build-backend", LEGACY)
        paths = tuple(table.get("backend-path", ()))
        sound = all(isinstance(word, str) for word in (*requires, *paths, backend))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(
            f"{label}: its pyproject.toml can't be read: {why(error)}", "name another version of it"
        ) from error
    if not sound or not BACKEND.fullmatch(backend):
        raise BadInputError(
            f"{label}: [build-system] of its pyproject.toml is not as PEP 517 has it",
            "name another version of it",
        )
    if any(Path(part).is_absolute() or ".." in Path(part).parts for part in paths):
        raise BadInputError(
            f"{label}: its build backend lies outside of it", "name another version"
        )
    return BuildSystem(requires, backend, paths)


def locked(
    requires: Sequence[str],
    target: Target,
    options: Sequence[str],
    image: Sequence[str],
    own: Sequence[str],
    label: str,
) -> tuple[str, ...]:
    """Return the hash-pinned lines of what a build needs, wheels only.

    `image` are the image's versions, which hold where they can; `own` are constraints of
    jetson.toml, which always do. Raises BadInputError, NetworkError.
    """
    if not requires:
        return ()
    requires = [_requirement(text, label) for text in requires]
    error: NoSolutionError | None = None
    for limits in ((*own, *image), tuple(own)):
        try:
            text = resolve.compile_lines(
                requires, target.platform, target.python, options, limits, f"the build of {label}"
            )
        except NoSolutionError as caught:
            error = caught
        except StepFailedError as caught:
            raise BadInputError(
                f"{label}: what its build needs can't be resolved: {caught.message}",
                "name another version of it",
            ) from caught
        else:
            return _lines(text)
    reason = " ".join(str(error.message).partition(": ")[2].split()) if error else ""
    raise BadInputError(
        f"{label}: what its build needs has no wheels that fit: {reason}",
        "[build] constraints in jetson.toml, another version, or its wheel in wheels/",
    ) from error


def _requirement(text: str, label: str) -> str:
    """Return a requirement as it goes into a file for uv, where other lines are options.

    Raises BadInputError for what is none, and for an address: what a build needs is of an index.
    """
    try:
        result = Requirement(text)
    except InvalidRequirement as error:
        raise BadInputError(
            f"{label}: its build needs {text[:80]!r}, which is no requirement",
            "name another version of it",
        ) from error
    if result.url:
        raise BadInputError(
            f"{label}: its build needs {result.name} from an address, not from an index",
            "name another version, or put its wheel into wheels/",
        )
    return str(result)


def unpacked(lines: Sequence[str], target: Target, options: Sequence[str], folder: Path) -> None:
    """Unpack what a build needs into `folder`, its programs in bin.

    Raises BadInputError for a line that is no version with a hash, and as core.uv.
    """
    folder.mkdir(exist_ok=True)
    if not lines:
        return
    lock_lines.check(lines, "what a build needs")
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-build-") as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.touch(0o600)
        listed.write_text("\n".join((*options, *lines)) + "\n", encoding="utf-8")
        uv.uv(
            [
                *"pip install --quiet --no-deps --require-hashes --only-binary :all:".split(),
                *("--python-version", target.python, "--python-platform", target.platform),
                *("--target", folder, "--requirement", listed),
            ],
            what="unpacking what a build needs",
        )
    for script in (folder / "bin").glob("*"):
        _point(script)


def _point(script: Path) -> None:
    """Have a program start by the builder's Python: uv writes this machine's."""
    body = script.read_bytes()
    first, newline, rest = body.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        script.unlink()  # it may be a hard link into uv's cache
        script.write_bytes(b"#!/usr/bin/python3" + newline + rest)
        script.chmod(0o755)


def _lines(text: str) -> tuple[str, ...]:
    """Return a lock's requirements, a line each."""
    return tuple(lock_lines.joined(text))
