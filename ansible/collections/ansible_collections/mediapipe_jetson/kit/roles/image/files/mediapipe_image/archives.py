"""What `docker load` reads: an image of which the engine has the lowest layers, as a stream.

Two forms, as the engine's own store wants it. Its classic one does not open a layer whose chain (it
and all below it) it has: an archive that names all layers and holds the others alone makes the
whole image (Docker 20.10 to 28). In containerd a layer is had by the digest that it is sent with:
an OCI layout that lacks such layers makes the whole image, whose id is the manifest's digest.
"""

import contextlib
import fcntl
import hashlib
import json
import subprocess
from pathlib import Path
from typing import IO, Mapping, cast

from mediapipe_image.errors import IntegrityError, StepFailedError
from mediapipe_image.release import Layer, Release

# Between zstd and docker nothing is held up by small pipes: 64 KiB at a time cost a slow board more
# than the bytes do.
PIPE = 1 << 20
SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ; fcntl names it from Python 3.10
BLOCK = 512
END = bytes(2 * BLOCK)
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def classic(
    into: IO[bytes], release: Release, had: int, name: str, files: Mapping[str, Path]
) -> None:
    """Write the form of `docker save`, layers unpacked; `files` are theirs by digest."""
    into.write(head(release.config, name, len(release.layers)))
    for number, layer in enumerate(release.layers):
        if number >= had:
            _add_unpacked(into, number, layer, str(files[layer.digest]))
    into.write(END)


def layout(into: IO[bytes], release: Release, files: Mapping[str, Path]) -> None:
    """Write an OCI layout without names, its layers as they were sent; `files` by digest."""
    into.write(layout_head(release, release.manifest))
    for digest, path in files.items():
        size = path.stat().st_size
        into.write(_entry(_blob(digest), size))
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(PIPE), b""):
                into.write(block)
        into.write(_padding(size))
    into.write(END)


def layout_head(release: Release, manifest: bytes) -> bytes:
    """Return the beginning of an OCI layout: a release's image by a manifest, without layers."""
    digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
    described = {"mediaType": MANIFEST_TYPE, "digest": digest, "size": len(manifest)}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [described]}
    rows = (
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        ("index.json", json.dumps(index).encode("utf-8")),
        (_blob(digest), manifest),
        (_blob(release.image_id), release.config),
    )
    return b"".join(_file(file, raw) for file, raw in rows)


def head(config: bytes, name: str, count: int) -> bytes:
    """Return the beginning of a classic archive: what the image is."""
    layers = [f"{number}.tar" for number in range(count)]
    listing = [{"Config": "config.json", "RepoTags": [name], "Layers": layers}]
    rows = (("manifest.json", json.dumps(listing).encode("utf-8")), ("config.json", config))
    return b"".join(_file(file, raw) for file, raw in rows)


def widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more, where the kernel allows it."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe.fileno(), SET_PIPE_SIZE, PIPE)


def _blob(digest: str) -> str:
    return "blobs/sha256/" + digest.partition(":")[2]


def _file(name: str, raw: bytes) -> bytes:
    return _entry(name, len(raw)) + raw + _padding(len(raw))


def _entry(file: str, size: int) -> bytes:
    """Return what stands before a file's bytes. By hand: tarfile copies them in small pieces."""
    import tarfile

    member = tarfile.TarInfo(file)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _add_unpacked(into: IO[bytes], number: int, layer: Layer, path: str) -> None:
    command = ["zstd", "--decompress", "--stdout", "--quiet", "--long=27", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tool:
        stream = cast(IO[bytes], tool.stdout)
        widen(stream)
        try:
            into.write(_entry(f"{number}.tar", layer.unpacked))
            _copy(stream, into, layer)
            into.write(_padding(layer.unpacked))
            more = stream.read(1)
        except BaseException:
            tool.kill()
            raise
        if more:
            tool.kill()
        if more or tool.wait():
            raise IntegrityError(f"layer {layer.digest} is longer than signed")


def _copy(stream: IO[bytes], into: IO[bytes], layer: Layer) -> None:
    left = layer.unpacked
    while left:
        block = stream.read(min(left, PIPE))
        if not block:
            raise StepFailedError(f"layer {layer.digest} ends early")
        into.write(block)
        left -= len(block)
