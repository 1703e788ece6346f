"""The Docker Engine of this device, through its own client."""

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mediapipe_image import command
from mediapipe_image.errors import StepFailedError, ToolMissingError


class Engine(NamedTuple):
    """What the engine says of itself."""

    root: str
    runtimes: Tuple[str, ...]


class Image(NamedTuple):
    """An image of the engine: its layers from the base up, and its names."""

    image_id: str
    architecture: str
    diff_ids: Tuple[str, ...]
    tags: Tuple[str, ...]
    healthcheck: Tuple[str, ...]


class Container(NamedTuple):
    """A container: the image it was made from, and how it is."""

    container_id: str
    image_id: str
    running: bool
    health: str
    started_at: str


def info() -> Engine:
    """Return what the engine is. Raises ToolMissingError where it can't serve us."""
    body = json.loads(command.run(["docker", "info", "--format", "{{json .}}"]))
    if not body.get("DockerRootDir"):
        raise ToolMissingError(
            "the Docker Engine does not answer", "start it: systemctl start docker"
        )
    if "io.containerd.snapshotter" in json.dumps(body.get("DriverStatus") or []):
        raise ToolMissingError(
            "this engine keeps images in containerd, whose ids are others",
            'set {"features": {"containerd-snapshotter": false}} in /etc/docker/daemon.json',
        )
    return Engine(str(body["DockerRootDir"]), tuple(sorted(body.get("Runtimes") or {})))


def images(references: Optional[Sequence[str]] = None) -> List[Image]:
    """Return those of the images that are there; None: all, those without a name too."""
    if references is None:
        listed = command.run(["docker", "image", "ls", "--all", "--quiet", "--no-trunc"])
        references = listed.split()
    if not references:
        return []
    words = ["docker", "image", "inspect", "--format", "{{json .}}", *sorted(set(references))]
    done = command.ask(words)
    # One that is not there, or goes meanwhile, is an error of its own; the others are printed.
    if done.code and "no such" not in done.err.lower():
        raise command.failure(words, done)
    return [_image(json.loads(line)) for line in done.out.splitlines() if line]


def image(reference: str) -> Optional[Image]:
    """Return an image, or None."""
    body = _inspect("image", reference)
    return None if body is None else _image(body)


def _image(body: Dict[str, Any]) -> Image:
    test = ((body.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    return Image(
        str(body["Id"]),
        str(body["Architecture"]),
        tuple((body.get("RootFS") or {}).get("Layers") or []),
        tuple(body.get("RepoTags") or []),
        tuple(test),
    )


def container(name: str) -> Optional[Container]:
    """Return a container, or None."""
    body = _inspect("container", name)
    if body is None:
        return None
    state = body["State"]
    return Container(
        str(body["Id"]),
        str(body["Image"]),
        bool(state["Running"]) and not state.get("Restarting") and not state.get("Paused"),
        str((state.get("Health") or {}).get("Status", "")),
        str(state["StartedAt"]),
    )


def probe(name: str, test: Tuple[str, ...], timeout_s: float) -> bool:
    """Run an image's own health check in its container; tell whether it says healthy."""
    words = list(test[1:]) if test[:1] == ("CMD",) else ["/bin/sh", "-c", *test[1:]]
    try:
        return command.ask(["docker", "exec", name, *words], timeout_s).code == 0
    except StepFailedError:
        return False


def tag(image_id: str, name: str) -> None:
    """Give an image a name, so that `docker image prune` leaves it."""
    command.run(["docker", "image", "tag", image_id, name])


def drop(image_id: str) -> bool:
    """Remove an image by all its names; False where a container still needs it."""
    found = image(image_id)
    if found is None:
        return True
    for name in found.tags or (image_id,):
        command.ask(["docker", "image", "rm", name], 300.0)
    # Names by digest, which a pull leaves, go with the id.
    if image(image_id) is not None:
        command.ask(["docker", "image", "rm", "--force", image_id], 300.0)
    return image(image_id) is None


def _inspect(kind: str, name: str) -> Optional[Dict[str, Any]]:
    words = ["docker", kind, "inspect", "--format", "{{json .}}", name]
    done = command.ask(words)
    if done.code:
        if "no such" in done.err.lower():
            return None
        raise command.failure(words, done)
    body: Dict[str, Any] = json.loads(done.out)
    return body
