"""OCI image archives with zstd layers, compressed once per layer and cached by its digest.

Formats: OCI image specification 1.1 (image-layout, manifest, config).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from jetson_kit.containers.layers import EPOCH
from jetson_kit.core import cached_files, stopping
from jetson_kit.core.errors import IntegrityError, StepFailedError
from jetson_kit.core.files import CHUNK, sha256_file, write_text, written_aside
from jetson_kit.core.paths import cache_dir

CREATED = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))
LEVEL = 7
# Matches of four bytes too: what a level more gains, in less time.
MIN_MATCH = 4
# 32 MiB: gesture_recognizer.task holds hand_landmarker.task once more, and this window sees both.
WINDOW_LOG = 25
# In the names of compressed layers: what decides their bytes.
SETTINGS = f"{LEVEL}w{WINDOW_LOG}m{MIN_MATCH}"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+zstd"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
# What an engine reports of a configuration beside what the specification knows.
CONFIG_KEYS = (
    "User",
    "Env",
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Labels",
    "Healthcheck",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
    "Shell",
    "ArgsEscaped",
)


@dataclass(frozen=True)
class Blob:
    """A compressed layer in the cache: `size` in bytes; `unpacked` the bytes of its files."""

    diff_id: str
    path: Path
    digest: str
    size: int
    unpacked: int = 0


def digest(raw: bytes) -> str:
    """Return the OCI digest of some bytes."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def config_of(attrs: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the OCI configuration of an inspected image, with every time set to the epoch.

    `history` is the engine's, newest first. Its rows are kept if they can be matched to layers.
    """
    layers = list(attrs["RootFS"]["Layers"])
    config = {key: attrs["Config"][key] for key in CONFIG_KEYS if attrs["Config"].get(key)}
    body: dict[str, Any] = {
        "architecture": attrs["Architecture"],
        "os": attrs["Os"],
        "created": CREATED,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": layers},
    }
    if attrs.get("Variant"):
        body["variant"] = attrs["Variant"]
    rows = [
        {
            "created": CREATED,
            "created_by": row.get("CreatedBy", ""),
            **({} if row.get("Size") else {"empty_layer": True}),
        }
        for row in reversed(history)
    ]
    if sum("empty_layer" not in row for row in rows) == len(layers):
        body["history"] = rows
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def blobs(
    diff_ids: Sequence[str],
    save: Callable[[set[str], Callable[[str, IO[bytes]], None]], None],
) -> tuple[Blob, ...]:
    """Return the compressed layers; `save` is asked only for those that the cache lacks."""
    missing = {diff_id for diff_id in diff_ids if _cached(diff_id) is None}
    if missing:
        save(missing, _keep)
    result = [_cached(diff_id) for diff_id in diff_ids]
    if any(blob is None for blob in result):
        raise StepFailedError("the engine did not hand out every layer of the image")
    return tuple(blob for blob in result if blob)


def compressed(diff_id: str, tar: Path) -> Blob:
    """Return the compressed layer of a tar file, whose digest must be `diff_id`.

    Raises IntegrityError for a damaged tar, of which nothing is kept.
    """
    if (known := _cached(diff_id)) is not None:
        return known
    if (value := f"sha256:{cached_files.sha256_now(tar)}") != diff_id:
        raise IntegrityError(
            f"{tar.name} has {value}, expected {diff_id}", "it is made anew when it is run again"
        )
    with tarfile.open(tar) as files:
        unpacked = _file_bytes(files)
    with tar.open("rb") as layer:
        return _compress(diff_id, layer, unpacked)


def _cached(diff_id: str) -> Blob | None:
    """Return a layer of the cache, all of it read and compared with its digest, or None."""
    path = blob_path(diff_id)
    try:
        facts = json.loads(_listing(diff_id).read_text(encoding="utf-8"))
        blob = Blob(diff_id, path, facts["digest"], facts["size"], facts["file_bytes"])
        cached_files.used(path)
        return blob if f"sha256:{sha256_file(path)}" == blob.digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def blob_path(diff_id: str) -> Path:
    """Return where the cache keeps a layer compressed."""
    return cache_dir("blobs") / f"{diff_id.partition(':')[2]}-{SETTINGS}.zst"


def _listing(diff_id: str) -> Path:
    return blob_path(diff_id).with_suffix(".json")


def _keep(diff_id: str, layer: IO[bytes]) -> None:
    _compress(diff_id, layer)


def _compress(diff_id: str, layer: IO[bytes], unpacked: int = -1) -> Blob:
    """Compress a layer; one worker beside this thread, so bytes do not depend on cores.

    `unpacked` is the sum of its files' bytes; where it is not known, the layer is read again.
    """
    path = blob_path(diff_id)
    with written_aside(path) as aside, aside.open("wb") as out:
        settings = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            threads=1,
            write_checksum=True,
            window_log=WINDOW_LOG,
            min_match=MIN_MATCH,
            enable_ldm=True,
        )
        tool = zstandard.ZstdCompressor(compression_params=settings)
        tool.copy_stream(
            cast("IO[bytes]", stopping.Stream(layer)), out, read_size=CHUNK, write_size=CHUNK
        )
    blob = Blob(
        diff_id,
        path,
        f"sha256:{sha256_file(path)}",
        path.stat().st_size,
        _unpacked(path) if unpacked < 0 else unpacked,
    )
    facts = {"digest": blob.digest, "size": blob.size, "file_bytes": blob.unpacked}
    write_text(_listing(diff_id), json.dumps(facts))
    return blob


def _unpacked(path: Path) -> int:
    """Return the bytes of the files in a compressed layer."""
    with (
        path.open("rb") as raw,
        zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG).stream_reader(raw) as plain,
        tarfile.open(fileobj=plain, mode="r|") as layer,
    ):
        return _file_bytes(layer)


def _file_bytes(layer: tarfile.TarFile) -> int:
    # An engine counts a symbolic link by the length of what it names, a hard link not at all.
    return sum(
        info.size if info.isreg() else len(info.linkname.encode()) * info.issym() for info in layer
    )


def write_archive(
    path: Path, config: bytes, layers: Sequence[Blob], name: str, annotations: Mapping[str, str]
) -> str:
    """Write an OCI archive (a tar of an image layout); return the digest of its manifest."""
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, digest(config), len(config)),
            "layers": [_descriptor(LAYER_TYPE, blob.digest, blob.size) for blob in layers],
            "annotations": dict(annotations),
        },
        sort_keys=True,
    ).encode()
    facts = json.loads(config)
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                {
                    **_descriptor(MANIFEST_TYPE, digest(manifest), len(manifest)),
                    "platform": {"architecture": facts["architecture"], "os": facts["os"]},
                    "annotations": {
                        "org.opencontainers.image.ref.name": name,
                        # The name under which Docker's containerd store lists it.
                        "io.containerd.image.name": f"docker.io/library/{name}",
                    },
                }
            ],
        },
        sort_keys=True,
    ).encode()
    with written_aside(path) as aside, tarfile.open(aside, "w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", index)
        for raw in (manifest, config):
            _add(archive, "blobs/sha256/" + digest(raw).partition(":")[2], raw)
        for blob in dict.fromkeys(layers):
            info = tarfile.TarInfo("blobs/sha256/" + blob.digest.partition(":")[2])
            info.size, info.mtime = blob.size, EPOCH
            with blob.path.open("rb") as stream:
                archive.addfile(info, stream)
    return digest(manifest)


def _descriptor(media: str, of: str, size: int) -> dict[str, Any]:
    return {"mediaType": media, "digest": of, "size": size}


def _add(archive: tarfile.TarFile, name: str, raw: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(raw), EPOCH
    archive.addfile(info, io.BytesIO(raw))
