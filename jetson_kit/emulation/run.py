"""Run a command in an arm64 image on an emulated core: time limit, exit code, clean end."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from mediapipe_jetson import diagnosis

from jetson_kit.containers import engine, outside, owned, users
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.log import LOG
from jetson_kit.core.machine import host_arch
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import own_core
from jetson_kit.emulation.cpus import Cpu

TIMED_OUT = 124
OWN_NETWORKS = ("none", "bridge", "host")
LIMIT_S = 600.0
# As long as `docker stop` gives a program to end after SIGTERM, before SIGKILL.
GRACE_S = 10
# Under such names ./inv keeps the caller's variables that its own Python and git must not see.
CALLERS = "KIT_CALLERS_"
POLL_S = 1.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# si_code of a signal that a terminal's Ctrl-C made.
SI_KERNEL = 0x80


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


@dataclass(frozen=True)
class Ended:
    """How a command ended; `signal` is the last one that asked us for an end, 0 for none."""

    code: int
    signal: int = 0
    timed_out: bool = False


@dataclass
class _End:
    """What ended the command before it ended itself."""

    timed_out: bool = False
    signals: list[int] = field(default_factory=list)


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


def attend(request: Request, output: int | None = None) -> Ended:
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
        if warning := unreadable(volume(text), user, numbering):
            LOG.warning("warning: %s", warning)
    owned.remove_left()
    outside.require(_folders(request), str(image.id))
    with _container(request, image, cpu) as container:
        return _attended(container, request.timeout_s, output)


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
            volumes=[_known(volume(text)) for text in request.volumes],
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


def volume(text: str) -> str:
    """Return SOURCE:TARGET[:ro], its folder absolute. Raises BadInputError if it is not there."""
    source, colon, target = text.partition(":")
    if not colon or not target.startswith("/"):
        raise BadInputError(f"--volume {text!r}?", "write SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if "/" in source or source.startswith((".", "~")):
        path = Path(source).expanduser().absolute()
        if not path.exists():
            raise BadInputError(f"--volume {text}: {path} is not there", "name what is there")
        source = str(path)
    return f"{source}:{target}"


def unreadable(mounted: str, user: str, numbering: str = "") -> str:
    """Return why a container's user, UID:GID, can't read what is mounted; "" where it can.

    `numbering` is the engine's, of users.py: where it is not this machine's, only what is this
    process's own is judged.
    """
    path = Path(mounted.partition(":")[0])
    uid, _, gid = (user or "0").partition(":")
    if not path.is_absolute() or not uid.isdecimal():
        return ""
    if int(uid) == 0 and numbering != users.REMAPPED:
        return ""
    facts = path.stat()
    if numbering:
        if facts.st_uid != os.geteuid():
            return ""
        shift = 0
    else:
        mine = facts.st_gid == int(gid or 0)
        shift = 6 if facts.st_uid == int(uid) else 3 if mine else 0
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(facts.st_mode) else 0)
    if facts.st_mode >> shift & needed == needed:
        return ""
    return (
        f"user {uid} of the image can't read {path}; let it: chmod -R o+rX {shlex.quote(str(path))}"
    )


def _folders(request: Request) -> tuple[Path, ...]:
    """Return the files and folders of this machine that a request mounts."""
    sources = (volume(text).partition(":")[0] for text in request.volumes)
    return tuple(Path(source) for source in sources if "/" in source)


def _known(mounted: str) -> str:
    """Return it if what it names is there: the engine would make a volume. Raises BadInputError."""
    source = mounted.partition(":")[0]
    if "/" not in source:
        try:
            engine.client().volumes.get(source)
        except NotFound as error:
            raise BadInputError(
                f"--volume {mounted}: there is no volume {source}", f"a folder is ./{source}"
            ) from error
    return mounted


def _attended(container: Container, limit_s: float, output: int | None) -> Ended:
    """Start the container by the Docker client, which joins our streams to it; see it end."""
    client = subprocess.Popen(
        ["docker", "start", "--attach", "--interactive", str(container.id)],
        # Out of reach of Ctrl-C, after which it may leave before the command's last words. Reading
        # from a terminal it has to stay.
        process_group=None if sys.stdin.isatty() else 0,
        stdout=output,
        stderr=output,
    )
    try:
        end = _wait(client, container, limit_s)
    finally:
        if client.poll() is None:
            client.kill()
        client.wait()
    if end.timed_out:
        return Ended(TIMED_OUT, timed_out=True)
    container.reload()
    state = container.attrs["State"]
    if state.get("Error"):
        raise StepFailedError(f"the container did not start: {state['Error']}")
    last = (end.signals or [0])[-1]
    if state["Running"]:
        # Somebody detached from it, or it does not answer a signal.
        return Ended(128 + (last or signal.SIGHUP), last)
    return Ended(int(state["ExitCode"]), last)


def _wait(client: subprocess.Popen[bytes], container: Container, limit_s: float) -> _End:
    """Wait until client and container end; hand signals on, and stop the container at the limit."""
    watched = {*ENDING, signal.SIGCHLD}
    end = _End()
    until = time.monotonic() + limit_s if limit_s else float("inf")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        while client.poll() is None or (end.signals and _running(container)):
            left = until - time.monotonic()
            if left <= 0:
                end.timed_out = not end.signals
                with contextlib.suppress(DockerException):
                    container.stop(timeout=0 if end.signals else GRACE_S)
                return end
            seen = signal.sigtimedwait(watched, min(left, POLL_S))
            if seen is None or seen.si_signo == signal.SIGCHLD:
                continue
            # A terminal's Ctrl-C reaches a client in our process group too, which hands it on.
            if seen.si_code != SI_KERNEL or not sys.stdin.isatty():
                with contextlib.suppress(DockerException):
                    container.kill(signal=seen.si_signo)
            end.signals.append(seen.si_signo)
            until = min(until, time.monotonic() + GRACE_S)
        return end
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _running(container: Container) -> bool:
    with contextlib.suppress(DockerException):
        container.reload()
        return bool(container.attrs["State"]["Running"])
    return False
