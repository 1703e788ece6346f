"""What is rolled out: the kit's own image, an update of it, and the same update rebuilt."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine, layers, oci
from jetson_kit.core.files import CHUNK, sha256_file, write_text
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.wheels import device_wheel

EDITED = Path("src/mediapipe_jetson/__init__.py")
TAG = "mediapipe-jetson-bench"


@dataclass(frozen=True)
class ReleaseSet:
    """Signed releases, and the key that signed them."""

    first: Release
    update: Release
    """One Python file of the device wheel has changed."""
    rebuilt: Release
    """The same contents as the update, each layer with other times: as a Dockerfile built anew."""
    key: Path

    @property
    def signers(self) -> str:
        """Return what devices trust."""
        return signing.signers([self.key.with_name(self.key.name + ".pub")])


def make(folder: Path, progress: Progress) -> ReleaseSet:
    """Build all three for this machine's processor. Raises what a build raises."""
    key = folder / "key"
    signing.make_key(key, "bench", passphrase=False)
    source = folder / "device"
    shutil.copytree(device_wheel.SOURCE, source)
    first = _release(folder / "first", source, progress)
    with (source / EDITED).open("a", encoding="utf-8") as out:
        out.write(f"\n# {time.time_ns()}\n")
    update = _release(folder / "update", source, progress)
    rebuilt = _rebuilt(update, folder / "rebuilt", progress)
    for release in (first, update, rebuilt):
        signing.sign(release.path, key)
    return ReleaseSet(first, update, rebuilt, key)


def _release(folder: Path, source: Path, progress: Progress) -> Release:
    result = plan.make(Request(output=str(folder)))
    tag = f"{TAG}:{folder.name}-{os.getpid()}"
    built = images.build(dataclasses.replace(result, tag=tag), progress, device_source=source)
    return releases.make(built.folder)


def _rebuilt(of: Release, folder: Path, progress: Progress) -> Release:
    """Return a release with the same files, where every file has another time."""
    folder.mkdir()
    build = json.loads((of.folder / MANIFEST).read_text(encoding="utf-8"))
    blobs = []
    with progress.step("rebuilt", "the update as if built anew: each layer with other times"):
        with tarfile.open(of.folder / build["archive"]["file"]) as archive:
            for number, layer in enumerate(of.layers):
                member = archive.extractfile("blobs/sha256/" + layer.digest[7:])
                blobs.append(_retimed(member or io.BytesIO(), folder / f"{number}.zst"))
        body = json.loads((of.path).read_text(encoding="utf-8"))
        config = json.loads(body["config"])
        config["rootfs"]["diff_ids"] = [blob.diff_id for blob in blobs]
        raw = json.dumps(config, sort_keys=True).encode()
        name = build["archive"]["file"]
        digest = oci.write_archive(folder / name, raw, blobs, of.name, {})
    for blob in blobs:
        blob.path.unlink()
    build["archive"] = {
        "file": name,
        "size": (folder / name).stat().st_size,
        "digest": digest,
        "config": oci.digest(raw),
        "layers": [
            {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size} for blob in blobs
        ],
    }
    write_text(folder / MANIFEST, json.dumps(build))
    return releases.make(folder)


def _retimed(stream: IO[bytes], path: Path) -> oci.Blob:
    plain = path.with_suffix(".tar")
    unpacked = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(stream)
    with (
        tarfile.open(fileobj=unpacked, mode="r|") as source,
        tarfile.open(plain, "w") as target,
    ):
        for member in source:
            member.mtime = layers.EPOCH + 86400
            member.pax_headers = {}
            target.addfile(member, source.extractfile(member) if member.isreg() else None)
    diff_id = f"sha256:{sha256_file(plain)}"
    with plain.open("rb") as raw, path.open("wb") as out:
        zstandard.ZstdCompressor(level=6).copy_stream(raw, out, read_size=CHUNK, write_size=CHUNK)
    plain.unlink()
    return oci.Blob(diff_id, path, f"sha256:{sha256_file(path)}", path.stat().st_size)


def forget() -> None:
    """Remove the images that building them left in this machine's engine."""
    for name in ("first", "update"):
        image = engine.image(f"{TAG}:{name}-{os.getpid()}")
        if image:
            engine.client().images.remove(f"{TAG}:{name}-{os.getpid()}")
