"""The releases that tests made, and which of them the engine of a device runs.

Asked of docker alone. Where images are in containerd an image's id is its manifest's digest, and
the registry's manifest is another; what it holds is the same everywhere.
"""

from __future__ import annotations

import contextlib
import json

from jetson_kit.core.errors import NetworkError
from jetson_kit.fleet.release import registry_push
from jetson_kit.fleet.release.release import Release

ASK = (
    "docker container inspect -f '{{.Image}}' mediapipe 2>/dev/null"
    " | xargs -r docker image inspect -f '{{.Id}} {{json .RootFS.Layers}}'"
)
_made: dict[tuple[str, ...], Release] = {}


def add(release: Release) -> Release:
    """Remember a release; return it."""
    _made[tuple(layer.diff_id for layer in release.layers)] = release
    return release


def image_id(output: str) -> str:
    """Return the image that a device answered ASK with, "" for none."""
    own, _, layers = output.strip().partition(" ")
    release = _made.get(tuple(json.loads(layers or "null") or ()))
    return release.image_id if release and own in engine_ids(release) else own


def engine_ids(release: Release) -> set[str]:
    """Return what an engine may call the image of a release."""
    ids = {release.image_id, release.manifest_digest}
    with contextlib.suppress(NetworkError):
        ids.add(registry_push.pushed(release).reference.rpartition("@")[2])
    return ids
