"""What containerd has where the engine keeps its images there, as its own client `ctr` says.

The engine does not show all of it: images that are not whole, and what unfinished work holds.
"""

import json
from typing import Any, Dict, List, NamedTuple, Set

from mediapipe_image import command
from mediapipe_image.engine import Engine
from mediapipe_image.errors import ToolMissingError

Body = Dict[str, Any]
NO_CLIENT = (
    "it is containerd's own client, of the package containerd.io or containerd: install that"
)


class Named(NamedTuple):
    """A name, the manifest that it is for, and the layers of that: their descriptors."""

    name: str
    manifest: Body

    @property
    def config(self) -> str:
        """Return the configuration's digest, which is the image's id; "" where there is none."""
        described = self.manifest.get("config")
        return str(described.get("digest", "")) if isinstance(described, dict) else ""

    @property
    def layers(self) -> List[Body]:
        """Return the descriptors of the layers, from the base up."""
        return [row for row in _rows(self.manifest, "layers") if isinstance(row.get("digest"), str)]


def images(there: Engine, present: Set[str]) -> List[Named]:
    """Return all images by their names, as far as their manifests are there; `present`: contents.

    An index is as many as there are manifests of it.
    """
    result = []
    for line in _ctr(there, "images", "ls").splitlines()[1:]:
        row = line.split()
        if len(row) > 2 and row[2] in present:
            body = content(there, row[2])
            inner = [str(item.get("digest")) for item in _rows(body, "manifests")]
            bodies = [content(there, item) for item in inner if item in present]
            result += [Named(row[0], item) for item in bodies or [body]]
    return result


def contents(there: Engine) -> Set[str]:
    """Return the digests of all files that are there."""
    return set(_ctr(there, "content", "ls", "--quiet").split())


def content(there: Engine, digest: str) -> Body:
    """Return a manifest or a configuration; {} for what is neither."""
    try:
        body = json.loads(_ctr(there, "content", "get", digest))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def forget(there: Engine, name: str) -> None:
    """Remove a name, and what nothing else needs."""
    _ctr(there, "images", "rm", "--sync", name)


def let_go(there: Engine) -> None:
    """Let go what loads that were cut still hold, for a day otherwise.

    Leases that do not end by themselves are of others: a build's cache.
    """
    for line in _ctr(there, "leases", "ls").splitlines():
        if "containerd.io/gc.expire=" in line:
            _ctr(there, "leases", "rm", "--sync", line.split()[0])


def _rows(body: Body, name: str) -> List[Body]:
    rows = body.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _ctr(there: Engine, *words: str) -> str:
    own = ["ctr", "--address", there.address, "--namespace", there.namespace]
    try:
        return command.run([*own, *words], 300.0)
    except ToolMissingError as error:
        raise ToolMissingError(error.message, NO_CLIENT) from error
