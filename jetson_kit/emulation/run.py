"""Run a command in an arm64 image on an emulated core."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from mediapipe_jetson import diagnosis

from jetson_kit.containers import engine, outside, owned, users
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.log import LOG
from jetson_kit.core.machine import host_arch
from jetson_kit.emulation import attached, mounts, own_core
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation.cpus import Cpu

OWN_NETWORKS = ("none", "bridge", "host")
LIMIT_S = 600.0
# Under such names ./inv keeps the caller's variables that its own Python and git must not see.
CALLERS = "KIT_CALLERS_"


@dataclass(frozen=True)
class Request:
    """What to run where; `cpu` "" is the oldest core of the image's target."""

    image: str
    command: tuple[str, ...] = ()
    cpu: str = ""
    timeout_s: float = LIMIT_S
    """0 is no limit."""
    volumes: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    network: str = "none"


def core_for(request: Request) -> Cpu | None:
    """Return the core to emulate; None on an arm64 machine, which runs the image as it is.

    Raises BadInputError for an image that is not here or not for arm64, and an unknown core.
    """
    image = _image(request.image)
    if host_arch() == "arm64":
        if request.cpu:
            raise BadInputError("this machine is arm64 and emulates no other core", "omit --cpu")
        return None
    return emulation.core(request.cpu) if request.cpu else emulation.core_of(image)


def run(request: Request) -> int:
    """Run the command with this process's streams; return its exit code, 124 at the time limit.

    Raises as attend.
    """
    ended = attend(request)
    if ended.timed_out:
        limit = f"{request.timeout_s:g} s"
        print(
            f"error: the command took more than {limit} and was ended; raise --timeout",
            file=sys.stderr,
        )
    return ended.code


def attend(request: Request, output: int | None = None) -> attached.Ended:
    """Run the command and hand signals on to it; return how it ended, 124 at the time limit.

    `output` is a file descriptor that gets what it prints, in place of ours.

    Raises BadInputError, ToolMissingError, StepFailedError where the container can't be started.
    """
    cpu = core_for(request)
    image = _image(request.image)
    if cpu:
        emulation.require(str(image.id))
    if warning := unfit(image, cpu):
        LOG.warning("warning: %s", warning)
    config = image.attrs.get("Config") or {}
    if not (request.command or config.get("Cmd") or config.get("Entrypoint")):
        raise BadInputError(f"{request.image} has no command of its own", "give one after --")
    if request.timeout_s < 0:
        raise BadInputError(f"--timeout {request.timeout_s:g}?", "give seconds, or 0 for no limit")
    _check_network(request.network)
    user = str(config.get("User") or "")
    numbering = users.numbering() if request.volumes else ""
    for text in request.volumes:
        if warning := mounts.unreadable(mounts.volume(text), user, numbering):
            LOG.warning("warning: %s", warning)
    owned.remove_left()
    outside.require(mounts.folders(request.volumes), str(image.id))
    with _container(request, image, cpu) as container:
        return attached.until_it_ends(container, request.timeout_s, output)


def unfit(image: Image, cpu: Cpu | None) -> str:
    """Return why this image's MediaPipe can't run on a core; "" where it can or has none.

    None is this machine's own core.
    """
    version = image.labels.get(f"{emulation.LABELS}.mediapipe", "")
    if cpu is None:
        return own_core.unfit(version)
    missing = diagnosis.missing_features(version, cpu.features)
    if not missing:
        return ""
    return (
        f"MediaPipe {version} of this image can't run on {cpu.name}, which lacks "
        f"{' and '.join(missing)}; build one for that board: ./inv build --jetson --module NAME"
    )


def _image(reference: str) -> Image:
    image = engine.image(reference)
    if image is None:
        raise BadInputError(
            f"there is no image {reference} here", "build it: ./inv build --jetson, or load it"
        )
    arch = image.attrs["Architecture"]
    if arch != "arm64":
        raise BadInputError(
            f"{reference} is for {arch or 'no processor that it names'}, not arm64",
            "name an arm64 image",
        )
    return image


def _check_network(name: str) -> None:
    if name in OWN_NETWORKS or name.startswith("container:"):
        return
    try:
        engine.client().networks.get(name)
    except NotFound as error:
        raise BadInputError(
            f"there is no network {name}", "docker network ls lists them"
        ) from error


@contextlib.contextmanager
def _container(request: Request, image: Image, cpu: Cpu | None) -> Iterator[Container]:
    """Yield a container that is not started yet; it is gone afterwards."""
    more: dict[str, Any] = emulation.container_options(cpu, str(image.id)) if cpu else {}
    environment = {**dict(variables(request.env)), **more.pop("environment", {})}
    # With a terminal on both ends the command gets one of its own, as `docker run -it` gives.
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        container = engine.client().containers.create(
            str(image.id),
            list(request.command) or None,
            name=f"mediapipe-jetson-emulate-{os.getpid()}-{secrets.token_hex(3)}",
            labels=owned.labels(),
            platform="linux/arm64",
            init=True,
            stdin_open=True,
            tty=terminal,
            network_mode=request.network,
            environment=environment,
            # Nobody reads its health, and each check is another emulated Python.
            healthcheck={"test": ["NONE"]},
            volumes=[mounts.known(mounts.volume(text)) for text in request.volumes],
            **more,
        )
    except APIError as error:
        raise StepFailedError(f"the container can't be made: {error.explanation}") from error
    try:
        yield container
    finally:
        with contextlib.suppress(DockerException):
            container.remove(force=True)


def variables(rows: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield NAME=VALUE as a pair; NAME alone takes the caller's value, if it has one."""
    for row in rows:
        name, equals, value = row.partition("=")
        if not re.fullmatch(r"[^\s=]+", name):
            raise BadInputError(f"--env {row!r} has no name", "write NAME=VALUE or NAME")
        own = os.environ.get(name, os.environ.get(f"{CALLERS}{name}"))
        if equals or own is not None:
            yield name, value if equals else str(own)
