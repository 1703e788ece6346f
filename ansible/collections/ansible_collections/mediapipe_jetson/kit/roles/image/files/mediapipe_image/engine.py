"""The Docker Engine of this device, through its own client.

An image's id there is the digest of its configuration or, where images are in containerd, that of
its manifest. What this device is on is always named by the first.
"""

import calendar
import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from mediapipe_image import command, disk
from mediapipe_image.errors import StepFailedError, ToolMissingError

SOCKETS = ("/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock")
CONTAINERD = Path(disk.ROOT + "/etc/containerd/config.toml")


class Engine(NamedTuple):
    """What the engine says of itself."""

    # Where images take space.
    root: str
    runtimes: Tuple[str, ...]
    # Whether images are in containerd (the default from Docker 29 on).
    containerd: bool
    # Where that answers, and under which name it has them.
    address: str
    namespace: str


class Image(NamedTuple):
    """An image of the engine: its id there, its layers from the base up, and its names."""

    engine_id: str
    architecture: str
    diff_ids: Tuple[str, ...]
    tags: Tuple[str, ...]
    healthcheck: Tuple[str, ...]
    config: Dict[str, Any]


class Container(NamedTuple):
    """A container: the engine's id of the image it was made from, and how it is."""

    container_id: str
    engine_id: str
    running: bool
    health: str
    started_at: str


class End(NamedTuple):
    """How a container ended: the engine's id of its image, its exit code, how long it ran."""

    engine_id: str
    exit_code: int
    out_of_memory: bool
    ran_s: float
    # Why the engine could not start it: a device that is not there, a port that is taken.
    not_started: str = ""


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Have an answer that is not the engine's own client's (a stand-in's) be an error as others."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise StepFailedError(
            f"docker's answer can't be read: {error!r:.100}",
            "is it the Docker Engine's own client?",
        ) from error


@_readable()
def info() -> Engine:
    """Return what the engine is. Raises ToolMissingError where it can't serve us."""
    body = json.loads(command.run(["docker", "info", "--format", "{{json .}}"]))
    if not body.get("DockerRootDir"):
        raise ToolMissingError(
            "the Docker Engine does not answer", "start it: systemctl start docker"
        )
    containerd = "io.containerd.snapshotter" in json.dumps(body.get("DriverStatus") or [])
    root = _containerd_root(body) if containerd else str(body["DockerRootDir"])
    reported = body.get("Containerd") or {}
    return Engine(
        root,
        tuple(sorted(body.get("Runtimes") or {})),
        containerd,
        str(reported.get("Address") or _socket()),
        str((reported.get("Namespaces") or {}).get("Containers") or "moby"),
    )


def _socket() -> str:
    """Return where containerd answers; engines before 27 do not say."""
    there = [item for item in SOCKETS if Path(disk.ROOT + item).exists()]
    return (there or SOCKETS)[0]


def _containerd_root(body: Dict[str, Any]) -> str:
    """Return where containerd keeps what it has: one of its own, or the one that dockerd starts."""
    address = str((body.get("Containerd") or {}).get("Address", ""))
    if address.endswith("/docker/containerd/containerd.sock"):
        return str(body["DockerRootDir"]) + "/containerd/daemon"
    try:
        text = CONTAINERD.read_text(encoding="utf-8")
    except OSError:
        text = ""
    # Before the first table; no standard library before Python 3.11 reads TOML.
    match = re.search(
        r"^\s*root\s*=\s*[\"'](/[^\"']*)[\"']", text.partition("\n[")[0], re.MULTILINE
    )
    return match.group(1) if match else "/var/lib/containerd"


@_readable()
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


@_readable()
def image(reference: str) -> Optional[Image]:
    """Return an image, or None."""
    body = _inspect("image", reference)
    return None if body is None else _image(body)


def _image(body: Dict[str, Any]) -> Image:
    config = body.get("Config") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or []
    return Image(
        str(body["Id"]),
        str(body["Architecture"]),
        tuple((body.get("RootFS") or {}).get("Layers") or []),
        tuple(body.get("RepoTags") or []),
        tuple(test),
        config,
    )


@_readable()
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


@_readable()
def end(name: str) -> Optional[End]:
    """Return how a container ended; None where it runs, was never started, or is not there."""
    body = _inspect("container", name)
    if body is None or body["State"]["Running"]:
        return None
    state = body["State"]
    if state.get("Status") == "created":
        problem = str(state.get("Error") or "")
        number = int(state["ExitCode"])
        return End(str(body["Image"]), number, False, 0.0, problem) if problem else None
    begun, ended = (_seconds(str(state[key])) for key in ("StartedAt", "FinishedAt"))
    return End(
        str(body["Image"]), int(state["ExitCode"]), bool(state.get("OOMKilled")), ended - begun
    )


def _seconds(stamp: str) -> float:
    """Return an engine's time as seconds since 1970; its fractions have up to nine digits."""
    return float(calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")))


def log_end(name: str, entries: int, limit: int, timeout_s: float) -> bytes:
    """Return the last bytes of a container's output, both streams."""
    return command.tail(["docker", "logs", "--tail", str(entries), name], limit, timeout_s)


@_readable()
def health_words(name: str) -> bytes:
    """Return what a container's health check printed last; the engine bounds it to 4 KiB."""
    body = _inspect("container", name) or {}
    log = ((body.get("State") or {}).get("Health") or {}).get("Log") or [{}]
    return str(log[-1].get("Output", "")).encode()


def labelled(label: str) -> List[Tuple[str, str, str]]:
    """Return id, value of the label, and state of each container that has it."""
    form = '{{.ID}} {{.Label "' + label + '"}} {{.State}}'
    words = ["docker", "container", "ls", "--all", "--no-trunc", "--filter", f"label={label}"]
    rows = [line.split(" ") for line in command.run([*words, "--format", form]).splitlines()]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def probe(name: str, test: Tuple[str, ...], timeout_s: float) -> bool:
    """Run an image's own health check in its container; tell whether it says healthy."""
    words = list(test[1:]) if test[:1] == ("CMD",) else ["/bin/sh", "-c", *test[1:]]
    try:
        return command.silent(["docker", "exec", name, *words], timeout_s) == 0
    except StepFailedError:
        return False


def tag(engine_id: str, name: str) -> None:
    """Give an image a name, so that `docker image prune` leaves it."""
    command.run(["docker", "image", "tag", engine_id, name])


def drop(engine_id: str) -> bool:
    """Remove an image by all its names; False where a container still needs it."""
    result = image(engine_id)
    if result is None:
        return True
    for name in result.tags or (engine_id,):
        command.ask(["docker", "image", "rm", name], 300.0)
    # Names by digest, which a pull leaves, go with the id.
    if image(engine_id) is not None:
        command.ask(["docker", "image", "rm", "--force", engine_id], 300.0)
    return image(engine_id) is None


def _inspect(kind: str, name: str) -> Optional[Dict[str, Any]]:
    words = ["docker", kind, "inspect", "--format", "{{json .}}", name]
    done = command.ask(words)
    if done.code:
        if "no such" in done.err.lower():
            return None
        raise command.failure(words, done)
    body: Dict[str, Any] = json.loads(done.out)
    return body
