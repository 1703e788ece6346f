"""One build in the builder's container: without network, as no root, within time, memory and disk.

What the build prints goes into a log in the cache, whatever becomes of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException
from docker.models.containers import Container
from docker.types import LogConfig, Mount, Ulimit

from jetson_kit.containers import engine, outside, owned, podman, users
from jetson_kit.containers.layers import EPOCH
from jetson_kit.core import log, stopping
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.machine import host_arch
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation.cpus import Cpu

HOOK = Path(__file__).with_name("hook.py")
COMMAND = ("/usr/bin/python3", "/kit/hook.py")
# In place of root, who may not be trusted with a stranger's build.
UID = 10001
POLL_S = 1.0
SAY_S = 30.0
PIDS = 1024
# Bytes: what a disk must have left, so that a build stops before everything else does.
RESERVE = 1 << 30
# Bytes of a log: its beginning, and its end.
LOG_HEAD = 4 << 20
LOG_TAIL = 1 << 20
ENVIRONMENT = {
    "PATH": "/deps/bin:/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH": "/deps",
    "HOME": "/build/home",
    "TMPDIR": "/build/tmp",
    "LC_ALL": "C.UTF-8",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PIP_NO_INDEX": "1",
    # Number 0 of an engine without root may give no file away.
    "TAR_OPTIONS": "--no-same-owner",
}


@dataclass(frozen=True)
class Limits:
    """What a build may take; `reserve` is in bytes of the disk."""

    timeout_s: float
    memory_mb: int
    reserve: int = RESERVE


@dataclass(frozen=True)
class Job:
    """What to build: `work` has src and request.json, `deps` what the build needs; `out` gets all.

    `out` is a mount of its own, so that a build can't put a link in its place.
    """

    label: str
    image: str
    arch: str
    core: Cpu | None
    work: Path
    deps: Path
    out: Path
    log: Path


@dataclass(frozen=True)
class End:
    """How a build ended: its exit code; or "time", "memory" or "disk", which stopped it."""

    code: int
    stopped: str = ""


def run(job: Job, limits: Limits) -> End:
    """Run a build to its end. Raises ToolMissingError without QEMU, StepFailedError.

    However it ends, no container is left.
    """
    if job.arch != host_arch():
        emulation.require(job.image)
    for name in ("out", "tmp", "home"):
        (job.work / name).mkdir(exist_ok=True)
    job.out.mkdir()
    user = builder()
    if os.geteuid() == 0 and user:
        _give(job.work, user)
        _give(job.out, user)
    owned.remove_left()
    outside.require((job.work, job.out, job.deps, HOOK), job.image)
    stopping.ends_by(owned.remove_own)
    with _container(job, limits, user) as container:
        printed = _Printed(job.log)
        stream = container.attach(stream=True, stdout=True, stderr=True)
        reader = threading.Thread(target=printed.take, args=(stream,), daemon=True)
        reader.start()
        try:
            container.start()
            return _attend(container, job, limits, printed)
        except APIError as error:
            raise podman.not_started("the builder", error) from error
        finally:
            with contextlib.suppress(DockerException):
                container.remove(force=True)
            reader.join(10)
            printed.close()


def builder() -> int:
    """Return the container's user who builds: one who owns what we made, and is not our root."""
    if users.numbering() == users.ROOTLESS:
        return 0
    return os.geteuid() or UID


def _give(folder: Path, uid: int) -> None:
    """Make a folder's files a user's, following no link."""
    os.chown(folder, uid, uid)
    for where, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(Path(where) / name, uid, uid, follow_symlinks=False)


@contextlib.contextmanager
def _container(job: Job, limits: Limits, user: int) -> Iterator[Container]:
    """Yield a container that is not started yet; it is gone afterwards."""
    more: dict[str, Any] = {"environment": {}, "mounts": []}
    if job.arch != host_arch():
        core = job.core or emulation.core(emulation.DEFAULT)
        more = emulation.container_options(core, job.image)
    jobs = str(os.cpu_count() or 1)
    environment = {**ENVIRONMENT, "MAKEFLAGS": f"-j{jobs}", "MAX_JOBS": jobs, **more["environment"]}
    mounts = [
        Mount("/build", str(job.work), type="bind"),
        Mount("/build/out", str(job.out), type="bind"),
        Mount("/deps", str(job.deps), type="bind", read_only=True),
        Mount("/kit/hook.py", str(HOOK), type="bind", read_only=True),
        *more["mounts"],
    ]
    try:
        container = engine.client().containers.create(
            job.image,
            list(COMMAND),
            name=f"mediapipe-jetson-builder-{os.getpid()}-{secrets.token_hex(3)}",
            labels=owned.labels(),
            platform=f"linux/{job.arch}",
            init=True,
            user=f"{user}:{user}",
            # Else an engine that remaps users would have them own nothing of the folders.
            userns_mode="host",
            working_dir="/build",
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            tmpfs={"/tmp": "size=256m,mode=1777,exec"},  # noqa: S108
            mem_limit=f"{limits.memory_mb}m",
            memswap_limit=f"{limits.memory_mb}m",
            pids_limit=PIDS,
            ulimits=[Ulimit(name="core", soft=0, hard=0)],
            log_config=LogConfig(type=LogConfig.types.NONE),
            environment=environment,
            mounts=mounts,
        )
    except APIError as error:
        raise StepFailedError(f"the builder can't be started: {error.explanation}") from error
    try:
        yield container
    finally:
        with contextlib.suppress(DockerException):
            container.remove(force=True)


def _attend(container: Container, job: Job, limits: Limits, printed: _Printed) -> End:
    """Wait for the end, at most until a limit; say now and then that it goes on."""
    begun = reported = time.monotonic()
    while True:
        time.sleep(POLL_S if time.monotonic() - begun > POLL_S else 0.1)
        stopping.check()
        container.reload()
        state = container.attrs["State"]
        if state["Status"] not in ("created", "running"):
            if state.get("Error"):
                raise StepFailedError(f"the builder did not start: {state['Error']}")
            return End(int(state["ExitCode"]), "memory" if state.get("OOMKilled") else "")
        now = time.monotonic()
        if now - begun > limits.timeout_s:
            return End(-1, "time")
        if shutil.disk_usage(job.work).free < limits.reserve:
            return End(-1, "disk")
        if now - reported >= SAY_S:
            reported = now
            last = printed.last()
            tail = f"; {last}" if last else ""
            log.LOG.info("        %s: %.0f s so far%s", job.label, now - begun, tail)


class _Printed:
    """What a build prints: its beginning and its end, in a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = path.open("wb")
        self._size = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._last = b""
        self._lock = threading.Lock()

    def take(self, stream: Iterator[bytes]) -> None:
        """Take all that a container prints; an end of the connection is the end of it."""
        with contextlib.suppress(DockerException, OSError, ValueError):
            for block in stream:
                with self._lock:
                    self._add(block)

    def _add(self, block: bytes) -> None:
        lines = [line for line in block.splitlines() if line.strip()]
        self._last = lines[-1] if lines else self._last
        room = max(0, LOG_HEAD - self._size)
        self._stream.write(block[:room])
        self._stream.flush()
        self._size += len(block)
        if block := block[room:]:
            self._tail.append(block)
            self._tail_size += len(block)
            while len(self._tail) > 1 and self._tail_size > LOG_TAIL:
                self._tail_size -= len(self._tail.popleft())

    def last(self) -> str:
        """Return the last line, shortened."""
        text = self._last.decode("utf-8", "replace")
        return "".join(filter(str.isprintable, text)).strip()[:100]

    def close(self) -> None:
        """Write what is left."""
        with self._lock, contextlib.suppress(ValueError, OSError):
            if self._tail_size:
                left_out = self._size - LOG_HEAD - self._tail_size
                self._stream.write(f"\n[{left_out} bytes left out]\n".encode())
                self._stream.writelines(self._tail)
            self._stream.close()
