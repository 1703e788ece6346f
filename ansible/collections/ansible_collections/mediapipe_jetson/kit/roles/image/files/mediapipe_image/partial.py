"""Images that the engine pulled in part, though it says that it pulled them.

containerd fetches no layer that it has unpacked. Where it has that layer in another compression
(from an archive, or of another registry), the manifest that was pulled names a file that is not
there, and the engine shows no such image. What both have makes it whole, under a manifest of its
own. Source: containerd's unpacker, which fetches from the first layer on that has no snapshot.
"""

import hashlib
import json
from typing import Any, Dict, List, Set

from mediapipe_image import archives, command, containerd, engine
from mediapipe_image.containerd import Named
from mediapipe_image.release import Release

DESCRIPTOR = ("mediaType", "digest", "size")


def complete(release: Release) -> None:
    """Make a release's image whole where it was pulled in part; what can't be made whole goes."""
    there = engine.info()
    if not there.containerd:
        return
    present = containerd.contents(there)
    named = containerd.images(there, present)
    cut = [item for item in named if item.config == release.image_id and _lacks(item, present)]
    if not cut:
        return
    known = _layers(there, named, present)
    if all(layer.diff_id in known for layer in release.layers):
        rows = [known[layer.diff_id] for layer in release.layers]
        manifest = _manifest(release, rows)
        words = ["docker", "image", "load", "--quiet"]
        archive = archives.layout_head(release, manifest) + archives.END
        done = command.ask(words, 900.0, stdin=archive)
        # Docker 28 says so and ends with 0; it is listed, though not whole.
        if done.code or "error unpacking" in (done.out + done.err).lower():
            engine.drop("sha256:" + hashlib.sha256(manifest).hexdigest())
            raise command.failure(words, done)
    for name in sorted({item.name for item in cut}):
        containerd.forget(there, name)


def _lacks(image: Named, present: Set[str]) -> bool:
    return any(row["digest"] not in present for row in image.layers)


def _layers(there: engine.Engine, named: List[Named], present: Set[str]) -> Dict[str, Any]:
    """Return, by what a layer holds, the descriptor of a file that is there and holds it."""
    result: Dict[str, Any] = {}
    for image in named:
        if image.config in present:
            inside = containerd.content(there, image.config).get("rootfs")
            diff_ids = inside.get("diff_ids") if isinstance(inside, dict) else None
            if not isinstance(diff_ids, list):
                continue
            # Of an image that is whole or unpacked: containerd compared each file with its diff_id.
            for diff_id, row in zip(diff_ids, image.layers):
                if row["digest"] in present:
                    result.setdefault(str(diff_id), row)
    return result


def _manifest(release: Release, rows: List[Dict[str, Any]]) -> bytes:
    body = {
        "schemaVersion": 2,
        "mediaType": archives.MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": release.image_id,
            "size": len(release.config),
        },
        "layers": [{name: row[name] for name in DESCRIPTOR if name in row} for row in rows],
    }
    return json.dumps(body).encode("utf-8")
