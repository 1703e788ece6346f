"""Put an image that the kit wrote into the local Docker Engine; nothing is read back out of it.

The classic image store takes a docker-archive (Docker Image Specification 1.2) of plain layers,
and only those that it lacks. The containerd image store takes the OCI archive as it is.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException
from docker.models.images import Image

from jetson_kit.containers import engine, oci
from jetson_kit.core.errors import DiskFullError, StepFailedError
from jetson_kit.core.files import CHUNK
from jetson_kit.core.run import FULL_WORDS

BLOCK = tarfile.BLOCKSIZE
# The target of an image that only holds layers until the whole one is loaded.
PART = "part"
# Bytes that are sent sooner than another image is looked at.
LITTLE = 8 << 20
# Each rebuild leaves an image without a name in the engine, and each takes 10 ms to look at.
LOOKED_AT = 24


@dataclass(frozen=True)
class PlainLayer:
    """An uncompressed layer: its name in docker/image.toml, its digest and its file."""

    name: str
    diff_id: str
    tar: Path


def from_layers(
    tag: str, config: bytes, layers: Sequence[PlainLayer], loaded: Sequence[str] = ()
) -> Image:
    """Load an image into a classic image store. Raises DiskFullError or StepFailedError.

    `loaded` are the digests of layers that `part` loaded, from the lowest up.
    """
    there = shared(layers, tag, loaded)
    try:
        _load(_docker_archive(tag, config, layers, there))
    except StepFailedError:
        if not there:
            raise
        # A layer that an image names may be damaged or half removed: send all of them.
        _load(_docker_archive(tag, config, layers, 0))
    return _loaded(tag, oci.digest(config), [layer.diff_id for layer in layers])


def part(arch: str, layers: Sequence[PlainLayer], there: int = 0) -> str:
    """Load layers as an image without a name, for `from_layers` to build on; return its id.

    The engine has the lowest `there` of them. Raises as `from_layers`.
    """
    body = {
        "architecture": arch,
        "os": "linux",
        "created": oci.CREATED,
        "config": {"Labels": {engine.KIT_LABEL: PART}},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    config = json.dumps(body, sort_keys=True).encode()
    _load(_docker_archive("", config, layers, there))
    return oci.digest(config)


def forget(image_id: str) -> None:
    """Remove an image that `part` made; its layers stay while others use them."""
    with contextlib.suppress(DockerException):
        if image_id:
            engine.client().images.remove(image_id)


def forget_left() -> None:
    """Remove what killed builds left of `part`."""
    for image in engine.client().images.list(filters={"label": f"{engine.KIT_LABEL}={PART}"}):
        forget(str(image.id))


def from_archive(tag: str, archive: Path, manifest_digest: str, diff_ids: Sequence[str]) -> Image:
    """Load an OCI archive into a containerd image store. Raises as `from_layers`."""
    _load(_blocks(archive))
    return _loaded(tag, manifest_digest, diff_ids)


def _loaded(tag: str, digest: str, diff_ids: Sequence[str]) -> Image:
    image = engine.image(tag)
    if image is None or image.id != digest or list(engine.diff_ids(image)) != list(diff_ids):
        raise StepFailedError(
            f"the Docker Engine has {image.id if image else 'no image'} as {tag}, not {digest}",
            "another program may have moved the tag meanwhile; run it again",
        )
    return image


def shared(layers: Sequence[PlainLayer], tag: str = "", loaded: Sequence[str] = ()) -> int:
    """Return how many of the lowest layers the engine has, in this order, in one of its images.

    What was `loaded` is looked at first, then the last build of the same `tag`; no other where one
    has nearly all.
    """
    best = 0
    for theirs in itertools.chain([loaded] if loaded else (), _kit_images(tag)):
        common = 0
        for layer, other in zip(layers, theirs, strict=False):
            if layer.diff_id != other:
                break
            common += 1
        best = max(best, common)
        if sum(layer.tar.stat().st_size for layer in layers[best:]) < LITTLE:
            break
    return best


def _kit_images(tag: str) -> Iterator[Sequence[str]]:
    """Yield the layers of the kit's images in the engine, of those with names first."""
    api = engine.client().api
    rows = api.images(filters={"label": engine.KIT_LABEL})
    names = {row["Id"]: set(row["RepoTags"] or ()) - {"<none>:<none>"} for row in rows}
    order = sorted(names, key=lambda image: (tag not in names[image], not names[image]))
    for image in order[:LOOKED_AT]:
        with contextlib.suppress(DockerException):  # removed meanwhile
            facts: dict[str, Any] = api.inspect_image(image)  # type: ignore[no-untyped-call]
            yield list(facts["RootFS"]["Layers"])


def _docker_archive(
    tag: str, config: bytes, layers: Sequence[PlainLayer], skip: int
) -> Iterator[bytes]:
    """Yield a docker-archive without the lowest `skip` layers."""
    name = oci.digest(config).partition(":")[2] + ".json"
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    listing = json.dumps(
        [{"Config": name, "RepoTags": [tag] if tag else None, "Layers": paths}]
    ).encode()
    for member, raw in ((name, config), ("manifest.json", listing)):
        yield from _member(member, len(raw), io.BytesIO(raw))
    for member, layer in list(zip(paths, layers, strict=True))[skip:]:
        with layer.tar.open("rb") as stream:
            yield from _member(member, layer.tar.stat().st_size, stream)
    yield bytes(2 * BLOCK)


def _member(name: str, size: int, stream: io.BufferedIOBase) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = size
    yield info.tobuf(tarfile.USTAR_FORMAT)
    while block := stream.read(CHUNK):
        yield block
    yield bytes(-size % BLOCK)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            yield block


def _load(archive: Iterator[bytes]) -> None:
    client = engine.client()
    try:
        rows: Iterator[dict[str, Any]] = client.api.load_image(archive, quiet=True)  # type: ignore[no-untyped-call]
        for row in rows:
            # A refusal of the whole request is one object with a message.
            if reason := row.get("error") or row.get("message"):
                raise _refused(str(reason))
            # Docker 28 goes on where containerd can't unpack a layer.
            if "error unpacking" in str(row.get("stream", "")).lower():
                raise _refused(str(row["stream"]).strip())
    except APIError as error:
        raise _refused(str(error.explanation or error)) from error
    except (DockerException, OSError) as error:
        raise _refused(str(error)) from error


def _refused(reason: str) -> StepFailedError | DiskFullError:
    if any(word in reason.lower() for word in FULL_WORDS):
        return DiskFullError(
            f"the Docker Engine has no space left for the image: {reason}",
            "free some (docker system df shows what uses it) and run it again",
        )
    return StepFailedError(f"the Docker Engine did not take the image: {reason}")
