"""The next build of an image, as a user's is: one more file, all other layers as they were."""

from __future__ import annotations

import json
from pathlib import Path

import zstandard

from jetson_kit.containers import oci
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release.release import Release


def build(old: Release, folder: Path, path: str, content: bytes) -> Release:
    """Write a build that differs from another one by a file; it is not signed."""
    folder.mkdir(parents=True)
    tar = folder / "layer.tar"
    with LayerTar(tar) as layer:
        layer.data(path, content)
    packed = zstandard.ZstdCompressor().compress(tar.read_bytes())
    (folder / "layer.zst").write_bytes(packed)
    new = oci.Blob(
        oci.digest(tar.read_bytes()), folder / "layer.zst", oci.digest(packed), len(packed)
    )
    tar.unlink()
    there = releases.layers(old)
    blobs = [oci.Blob(row.diff_id, there / row.file, row.digest, row.size) for row in old.layers]
    blobs.append(new)
    body = json.loads(json.loads(old.path.read_text(encoding="utf-8"))["config"])
    body["rootfs"]["diff_ids"] = [blob.diff_id for blob in blobs]
    if "history" in body:
        body["history"].append({"created": oci.CREATED, "created_by": f"COPY {path}"})
    config = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    document = json.loads((old.folder / MANIFEST).read_text(encoding="utf-8"))
    archive = folder / "changed.oci.tar"
    digest = oci.write_archive(archive, config, blobs, document["image"]["tag"], {})
    document["archive"] = {
        "file": archive.name,
        "size": archive.stat().st_size,
        "digest": digest,
        "config": oci.digest(config),
        "layers": [
            {"diff_id": blob.diff_id, "digest": blob.digest, "size": blob.size} for blob in blobs
        ],
    }
    (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    return releases.make(folder)
