"""Builds the collection's archive: by ansible-galaxy, then packed so that its bytes are the same.

ansible-galaxy lists files in the order of the file system and notes the time of its own run.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

import yaml

from jetson_kit.ansible_driver import environments
from jetson_kit.core.errors import IntegrityError, KitError
from jetson_kit.core.files import written_aside
from jetson_kit.core.paths import COLLECTION, COLLECTION_NAME, git_of
from jetson_kit.core.run import run

MANIFEST, FILES = "MANIFEST.json", "FILES.json"
# 1980-01-01, as in the device wheel.
EPOCH = 315532800
# The most that a block of deflate holds without compression.
BLOCK = 0xFFFF


def version(collection: Path = COLLECTION) -> str:
    """Return the version in galaxy.yml. Raises IntegrityError where it has none."""
    result = yaml.safe_load((collection / "galaxy.yml").read_text(encoding="utf-8"))
    if not isinstance(result, dict) or not isinstance(result.get("version"), str):
        raise IntegrityError("galaxy.yml has no version", "write version: X.Y.Z there")
    return str(result["version"])


def build(out: Path, collection: Path = COLLECTION) -> Path:
    """Write NAMESPACE-NAME-VERSION.tar.gz into the folder `out` and return its path.

    Raises StepFailedError where ansible-galaxy refuses, DiskFullError.
    """
    with tempfile.TemporaryDirectory(prefix="kit-collection-") as name:
        source = _tracked(collection, Path(name, "source"))
        _galaxy(Path(name), "build", source, "--output-path", name)
        (built,) = Path(name).glob("*.tar.gz")
        archive = out / built.name
        with written_aside(archive) as aside:
            aside.write_bytes(gzip_stored(_ordered(built)))
    return archive


def _tracked(collection: Path, folder: Path) -> Path:
    """Return a copy of what git has of the collection: a key that lies there stays there.

    The collection itself where it is no checkout.
    """
    try:
        names = run([*git_of(collection), "ls-files", "-z"], what="listing tracked files")
    except KitError:
        return collection
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(collection / name, target, follow_symlinks=False)
    return folder if names else collection


def verify(archive: Path) -> None:
    """Install an archive into a scratch folder and let ansible-galaxy compare every file.

    Raises StepFailedError where it can't be installed, or a file is not as its list says.
    """
    with tempfile.TemporaryDirectory(prefix="kit-collection-") as name:
        _galaxy(Path(name), "install", "--offline", "--no-deps", "-p", name, archive.absolute())
        _galaxy(Path(name), "verify", "--offline", COLLECTION_NAME)


def _galaxy(home: Path, *arguments: str | Path) -> None:
    """Run ansible-galaxy with `home` as its home and its folder of collections."""
    known = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    env = {**known, "HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(home)}
    galaxy = environments.get().program("ansible-galaxy")
    what = f"ansible-galaxy collection {arguments[0]}"
    run([galaxy, "collection", *arguments], what=what, env=env, cwd=home)


def _ordered(built: Path) -> bytes:
    """Return the archive as a tar whose members stand by name, with one time for all."""
    with tarfile.open(built) as source:
        members = {item.name: item for item in source}
        # Folders without files are no part of a checkout.
        above = {
            str(parent)
            for item in members.values()
            if item.isfile()
            for parent in PurePosixPath(item.name).parents
        }
        members = {name: item for name, item in members.items() if item.isfile() or name in above}
        contents = {name: _content(source, item) for name, item in members.items()}
    files = json.loads(contents[FILES])
    rows = [row for row in files["files"] if row["name"] in {".", *members}]
    files["files"] = sorted(rows, key=lambda row: str(row["name"]))
    contents[FILES] = json.dumps(files, indent=True).encode()
    manifest = json.loads(contents[MANIFEST])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents[FILES]).hexdigest()
    contents[MANIFEST] = json.dumps(manifest, indent=True).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as target:
        # The manifests first, as ansible-galaxy has them.
        for name in sorted(members, key=lambda name: (name not in (MANIFEST, FILES), name)):
            member = members[name]
            member.mtime, member.size = EPOCH, len(contents[name])
            target.addfile(member, io.BytesIO(contents[name]))
    return buffer.getvalue()


def _content(source: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = source.extractfile(member)
    return stream.read() if stream else b""


def gzip_stored(content: bytes) -> bytes:
    """Return `content` as a gzip file that is not compressed: another zlib would give other bytes.

    Formats: RFC 1952 and, for the blocks, RFC 1951 section 3.2.4.
    """
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, max(len(content), 1), BLOCK):
        block = content[start : start + BLOCK]
        last = start + BLOCK >= len(content)
        parts += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF))
    return b"".join(parts)
