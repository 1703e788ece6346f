"""What the kit asks of uv: wheels as files, packages unpacked, locks and environments."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import parse_wheel_filename

from jetson_kit.core import log, uv_environment
from jetson_kit.core.errors import IntegrityError, NetworkError, StepFailedError, ToolMissingError
from jetson_kit.core.files import download, sha256_file
from jetson_kit.core.run import failure

TIMEOUT_S = 900.0
ABSENT_WORDS = ("Could not find a version", "No matching distribution")
NO_SOLUTION = "No solution found"
NEEDS_WHEEL = re.compile(r"Wheels are required for `([a-z0-9-]+)`")
# An index that refuses a login or its lack, and an address without a file, in uv's words.
REFUSES = "answers 40"
REFUSED = re.compile(r"hint: An index (?:URL )?\((\S+)\) (?:(?!hint:).)*?(40[13] \w+)")
STATUS = re.compile(r"HTTP status client error \((\d+ [\w ]+)\) for url \((\S+)\)")
LOGIN = re.compile(r"(?<=//)[^/@\s]+@")
HASH_WORDS = ("hash mismatch", "do not match the hashes", "do not match the expected hash")


class NoSolutionError(StepFailedError):
    """The index has no release that all requirements allow.

    `source_only` are the packages of which it may have source alone, by their normalised names.
    """

    source_only: tuple[str, ...] = ()


def program() -> Path:
    """Return uv: the one locked in our environment, else the one on PATH.

    Raises ToolMissingError.
    """
    locked = Path(sys.executable).with_name("uv")
    value = str(locked) if locked.exists() else shutil.which("uv")
    if not value:
        raise ToolMissingError("uv is not installed", "run ./inv, which installs it")
    return Path(value)


def uv(arguments: Sequence[str | Path], *, what: str, stdin: str | None = None) -> str:
    """Run uv and return its standard output; `what` names the step in errors.

    Raises IntegrityError for a wrong hash, else ToolMissingError, NetworkError, DiskFullError or
    StepFailedError.
    """
    return _installer([str(program()), *(str(part) for part in arguments)], what, stdin)


def _installer(command: list[str], what: str, stdin: str | None = None) -> str:
    """Run uv or pip and return its standard output, its failures told apart."""
    try:
        with log.timed(what), uv_environment.create(os.environ) as environment:
            done = subprocess.run(
                command,
                input=stdin or "",
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise NetworkError(
            f"{what}: no answer within {TIMEOUT_S:.0f} s", "check the network and run it again"
        ) from error
    if done.returncode == 0:
        return done.stdout
    if any(word in done.stderr.lower() for word in HASH_WORDS):
        raise IntegrityError(
            f"{what}: the package index gave other bytes than the pinned hash",
            "nothing of it was kept; check the index that this machine uses",
        )
    # pip says this too when it can't reach the index.
    if any(word in done.stderr for word in ABSENT_WORDS):
        raise NetworkError(
            f"{what}: the package index does not offer it",
            "check the network and the index that this machine uses",
        )
    if match := STATUS.search(_joined(done.stderr)):
        address = LOGIN.sub("", match[2])
        raise NetworkError(f"{what}: {address} answers {match[1]}", _cure(match[1]))
    failed = failure(what, done.returncode, done.stderr)
    if isinstance(failed, StepFailedError) and NO_SOLUTION in done.stderr:
        unsolved = NoSolutionError(f"{what}: {_cause(done.stderr)}")
        unsolved.source_only = tuple(dict.fromkeys(NEEDS_WHEEL.findall(done.stderr)))
        raise unsolved
    raise failed


def _cure(status: str) -> str:
    """Return what to do about an address that answers with no file."""
    if status.startswith("429"):
        return "run it again later"
    login = ", and user and password in it" if status.startswith(("401", "403")) else ""
    return f"check the address{login}"


def _cause(stderr: str) -> str:
    """Return why uv's resolver found nothing, in one line."""
    cause = stderr.partition("cause:")[2].partition("hint:")[0]
    # It may be why a package was not found, and no other thing that is printed says so.
    refused = (
        f"; {LOGIN.sub('', url)} answers {code}" for url, code in REFUSED.findall(_joined(stderr))
    )
    return _joined(cause or stderr).rstrip(".") + "".join(refused)


def _joined(text: str) -> str:
    """Return in one line what uv breaks into lines as wide as its terminal."""
    return " ".join(text.split())


def pinned(package: str, version: str, sha256: str) -> str:
    """Return one line of a requirements file that names a file by its hash."""
    return f"{package}=={version} --hash=sha256:{sha256}\n"


def download_wheel(filename: str, sha256: str, folder: Path) -> Path:
    """Put the wheel `filename` from the package index into `folder`, byte for byte.

    uv says where it is; pip, ten times as slow, fetches what takes more than its address, such as
    a password. Raises NetworkError, IntegrityError.
    """
    name, version, _, tags = parse_wheel_filename(filename)
    interpreter = next(iter(tags)).interpreter
    python = f"{interpreter[2]}.{interpreter[3:]}" if interpreter[3:] else "3.11"
    if url := _address(filename, f"{name}=={version}", python):
        with contextlib.suppress(NetworkError, IntegrityError):
            return download(url, folder / filename, sha256)
    platforms = [part for tag in sorted(tags, key=str) for part in ("--platform", tag.platform)]
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        listed = Path(aside, "requirements.txt")
        listed.write_text(pinned(name, str(version), sha256), encoding="utf-8")
        _installer(
            [
                *(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "download"),
                *("--quiet", "--no-cache-dir", "--no-deps", "--require-hashes"),
                *("--only-binary", ":all:", "--implementation", "cp"),
                *("--python-version", python, *platforms),
                *("--dest", aside, "--requirement", str(listed)),
            ],
            f"downloading {filename}",
        )
        path = Path(aside, filename)
        if not path.exists() or sha256_file(path) != sha256:
            raise IntegrityError(
                f"the package index gave no {filename} with sha256 {sha256}",
                "nothing of it was kept; check the index that this machine uses",
            )
        path.chmod(0o644)
        return path.replace(folder / filename)


def _address(filename: str, requirement: str, python: str) -> str:
    """Return where the index has a wheel; "" where it does not say. Raises NetworkError."""
    try:
        rows = list_wheels(requirement, python)
    except StepFailedError:
        return ""
    return next((str(row.get("url", "")) for row in rows if wheel_name(row) == filename), "")


def download_locked(
    requirements: Path, python: str, platforms: Sequence[str], folder: Path
) -> None:
    """Put the wheels of a hash-pinned file for another machine's Python into `folder`.

    Raises NetworkError, IntegrityError.
    """
    _installer(
        [
            *(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "download"),
            *("--quiet", "--no-cache-dir", "--no-deps", "--require-hashes"),
            # A lock for several Pythons holds what pip would refuse for one of them.
            *("--only-binary", ":all:", "--implementation", "cp", "--ignore-requires-python"),
            *("--python-version", python),
            *(word for name in platforms for word in ("--platform", name)),
            *("--dest", str(folder), "--requirement", str(requirements)),
        ],
        f"downloading wheels for Python {python}",
    )


def unpack(package: str, version: str, sha256: str, folder: Path) -> Path:
    """Unpack a package, pinned by hash and without its dependencies, into `folder`."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write(pinned(package, version, sha256))
        listed.flush()
        uv(
            [
                *"pip install --quiet --no-deps --require-hashes --only-binary :all:".split(),
                *("--target", folder, "--requirement", listed.name),
            ],
            what=f"fetching {package} {version}",
        )
    return folder


def list_wheels(requirement: str, python: str) -> list[dict[str, Any]]:
    """Return the wheels of the release NAME==VERSION, as rows of a pylock file.

    Those for older Pythons than `python` are left out. Raises NoSolutionError, NetworkError.
    """
    command = "pip compile - --no-deps --universal --quiet --format pylock.toml --no-header".split()
    text = uv(
        [*command, "--python-version", python], what=f"looking up {requirement}", stdin=requirement
    )
    packages = tomllib.loads(text).get("packages", [])
    return [row for package in packages for row in package.get("wheels", [])]


def wheel_name(row: dict[str, Any]) -> str:
    """Return the file name in a row of a pylock file."""
    return str(row.get("name") or unquote(Path(urlsplit(row["url"]).path).name))


def compile_lock(
    requirements: Iterable[str],
    *,
    platform: str,
    python: str,
    constraints: Iterable[str] = (),
    keep: Path | None = None,
    upgrade: Iterable[str] = (),
    dependencies: bool = True,
) -> str:
    """Resolve `requirements` to a hash-pinned lock for another machine, wheels only.

    `platform` is uv's name of it, such as aarch64-manylinux_2_28. Versions in the lock `keep` stay
    as they are where they still fit, but for the packages `upgrade`. Without `dependencies` it
    holds the requirements alone. Raises NetworkError, NoSolutionError, StepFailedError.
    """
    with tempfile.TemporaryDirectory() as aside:
        lock, limits = Path(aside, "lock.txt"), Path(aside, "constraints.txt")
        limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        if keep is not None and keep.exists():
            shutil.copyfile(keep, lock)
        uv(
            [
                *"pip compile - --quiet --generate-hashes --only-binary :all:".split(),
                *"--no-header --no-annotate --no-emit-index-url --no-emit-find-links".split(),
                *("--python-platform", platform, "--python-version", python),
                *("--constraints", limits, "--output-file", lock),
                *(word for name in upgrade for word in ("--upgrade-package", name)),
                *(() if dependencies else ("--no-deps",)),
            ],
            what=f"locking for {platform}, Python {python}",
            stdin="".join(f"{line}\n" for line in requirements),
        )
        return lock.read_text(encoding="utf-8")


def make_environment(folder: Path) -> Path:
    """Make an empty environment of this interpreter in `folder`; return its python."""
    uv(["venv", "--quiet", "--clear", "--python", sys.executable, folder], what="making a venv")
    return folder / "bin" / "python"


def install(python: Path, *arguments: str | Path) -> None:
    """Install into the environment of `python`, wheels only."""
    uv(
        ["pip", "install", "--quiet", "--only-binary", ":all:", "--python", python, *arguments],
        what="installing",
    )


def check(python: Path) -> None:
    """Raise StepFailedError unless all that the environment's packages ask for is there."""
    uv(["pip", "check", "--quiet", "--python", python], what=f"uv pip check in {python.parent}")
