"""Kind `container`: systemd and a Docker Engine of its own in a container of the host's engine.

It shares the host's kernel, so it is up within a second, and has no power, clock or kernel of its
own. It is not privileged: its control groups and its network are namespaces of its own.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from jetson_kit.containers import engine
from jetson_kit.core import stopping
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.files import locked
from jetson_kit.core.paths import cache_dir
from jetson_kit.virtual_devices import board_profile, drives, limits, loops, root, seed, store
from jetson_kit.virtual_devices import container_parts as parts
from jetson_kit.virtual_devices.spec import Device, DeviceTree, File

INIT = Path(__file__).with_name("container-init.sh")
INIT_PATH = "/usr/local/lib/mediapipe-jetson/container-init"
ON_DISK = Path(__file__).with_name("container-on-disk.sh")
ON_DISK_PATH = "/usr/local/lib/mediapipe-jetson/container-on-disk"
# Where the drive of a root is mounted until the root moves there.
MOUNT_POINT = "/mnt"
INTERFACE = "eth0"
DISK = "disk.img"
TAIL = 200
# What systemd takes as "shut down in order".
STOP_SIGNAL = "SIGRTMIN+3"
STOP_S = 20
# Longest that a script by way of the engine may take.
SHELL_S = 300.0
FREEZES = 10


def prepare(arch: str, docker: str = "") -> None:
    """Make the engine's image of the root, and the network; see spec.Machine."""
    engine.client()  # before anything is fetched
    parts.room()
    result = root.build(arch, docker)
    with locked(cache_dir("locks") / "device-image.lock", lambda: None):
        parts.image(result.key, result.tar)
    with locked(cache_dir("locks") / f"device-network-{store.state_id()}.lock", lambda: None):
        parts.network()


def sweep(known: frozenset[str]) -> None:
    """Remove containers, volumes, disks and the network of no known device; see spec.Machine."""
    parts.sweep(known)
    loops.sweep(store.state_dir(), known)
    drives.sweep(store.state_dir(), known)


def start(device: Device, seed_tar: Path, tree: DeviceTree | None) -> None:
    """Power on; see spec.Machine. A container has no device tree of QEMU's."""
    del tree
    with _engine_errors(device, "starting"):
        container = _find(device) or _create(device, seed_tar)
        container.start()


def _create(device: Device, seed_tar: Path) -> Container:
    facts = limits.of("container")
    memory = f"{device.memory_mib or facts['memory_mib']}m"
    program, mounted, more = [INIT_PATH], "/var/lib/docker", []
    if device.root_on_disk:
        program, mounted = [ON_DISK_PATH, MOUNT_POINT, INIT_PATH], MOUNT_POINT
        # For the clock since boot; given up before systemd starts.
        more = ["SYS_TIME"]
    container = engine.client().containers.create(
        parts.tag(root.build(device.arch, device.engine).key),
        command=["/bin/sh", *program],
        name=parts.label(device.name),
        hostname=device.name,
        labels=parts.labels(device.name),
        environment={"container": "docker"},
        tty=True,
        cap_add=[*facts["capabilities"], *more],
        device_cgroup_rules=[board_profile.DEVICE_RULE],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        tmpfs={"/run": "exec", "/run/lock": ""},
        mem_limit=memory,
        memswap_limit=memory,
        volumes={_volume(device): {"bind": mounted, "mode": "rw"}},
        network=parts.label(),
        dns=[facts["dns"]],
        ports={"22/tcp": (device.address, device.port)},
        stop_signal=STOP_SIGNAL,
        cgroupns="private",
        # `reboot` inside ends the container; the engine then starts it again, as power would.
        restart_policy={"Name": "on-failure"},
    )
    container.put_archive("/", seed_tar.read_bytes())
    programs = {INIT_PATH: INIT, ON_DISK_PATH: ON_DISK}
    files = [File(path, 0o755, source.read_bytes()) for path, source in programs.items()]
    own = seed.write(files, device.folder / "init.tar")
    container.put_archive("/", own.read_bytes())
    return container


def _volume(device: Device) -> str:
    """Make its volume: of its root, or of its Docker Engine, on a disk where this machine can."""
    disk = device.folder / DISK
    options = {}
    if device.root_on_disk:
        if why := drives.usable():
            raise ToolMissingError(f"{device.name} can't have a drive: {why}")
        drives.create(device.folder, limits.of("container")["disk_gib"])
        options = {"type": "ext4", "device": str(device.folder / drives.DRIVE)}
    elif not loops.usable():
        loop = loops.make(disk, limits.of("container")["disk_gib"])
        options = {"type": "ext4", "device": loop}
    name = parts.label(device.name)
    engine.client().volumes.create(
        name, driver="local", driver_opts=options, labels=parts.labels(device.name)
    )
    return name


def running(device: Device) -> bool:
    """Tell whether it has power."""
    container = _find(device)
    return container is not None and container.status in {"running", "paused", "restarting"}


def stop(device: Device, *, hard: bool) -> None:
    """Shut down; see spec.Machine. What a hard stop wrote stays in the host's page cache."""
    container = _find(device)
    if container is None or container.status not in {"running", "paused"}:
        return
    with _engine_errors(device, "stopping"):
        if container.status == "paused":
            container.unpause()
        if hard:
            container.kill()
        else:
            container.stop(timeout=STOP_S)


def discard(device: Device) -> None:
    """Remove the container, its volume and its disk; see spec.Machine."""
    with _engine_errors(device, "removing"):
        parts.remove(device.name)
    loops.release(device.folder / DISK)
    drives.detach(device.folder)


def console(device: Device) -> str:
    """Return the end of its console and of its journal."""
    container = _find(device)
    if container is None:
        return ""
    text = _text(container.logs(tail=TAIL))
    with contextlib.suppress(DockerException):
        if container.status == "running":
            journal = ["journalctl", "--boot", "--no-pager", f"--lines={TAIL}"]
            text += "\n" + _text(container.exec_run(journal).output)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _text(raw: object) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else ""


def freeze(device: Device) -> None:
    """Stop all its processes (the cgroup freezer)."""
    with _engine_errors(device, "freezing"):
        for attempt in range(FREEZES):
            try:
                _get(device).pause()
            except APIError as error:
                # runc gives up soon where processes start faster than a version 1 group takes them.
                if "unable to freeze" not in str(error) or attempt + 1 == FREEZES:
                    raise
                time.sleep(0.5)
            else:
                break


def thaw(device: Device) -> None:
    """Let its processes go on."""
    with _engine_errors(device, "thawing"):
        container = _get(device)
        if container.status == "paused":
            container.unpause()


def link(device: Device, *, up: bool) -> None:
    """Take its interface up or down, in its network namespace."""
    shell(device, f"ip link set {INTERFACE} {'up' if up else 'down'}")


def shell(device: Device, script: str) -> str:
    """Run a script as root inside, through the engine; see spec.Machine."""
    with _engine_errors(device, "running a script"):
        _get(device)
    # By the client program: the SDK loses what comes in one packet with the answer's head.
    command = ["docker", "exec", parts.label(device.name), "sh", "-euc", script]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SHELL_S,
            check=False,
            start_new_session=stopping.requested(),
        )
    except OSError as error:
        raise ToolMissingError("docker is not installed", "install docker.io") from error
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(f"{device.name}: a script ran longer than {SHELL_S:.0f} s") from error
    out, err = _text(done.stdout), _text(done.stderr)
    if done.returncode:
        last = (err.strip() or out.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise StepFailedError(f"{device.name}: a script in the container failed: {last}")
    return out


def _find(device: Device) -> Container | None:
    with contextlib.suppress(NotFound):
        return engine.client().containers.get(parts.label(device.name))
    return None


def _get(device: Device) -> Container:
    container = _find(device)
    if container is None:
        raise StepFailedError(f"{device.name} has no container any more", "./inv devices.down")
    return container


@contextlib.contextmanager
def _engine_errors(device: Device, doing: str) -> Iterator[None]:
    """Turn the engine's errors into one that names the device."""
    try:
        yield
    except ImageNotFound as error:
        raise StepFailedError(
            f"{doing} {device.name}: its image is gone", "run it again"
        ) from error
    except DockerException as error:
        reason = getattr(error, "explanation", None) or error
        raise StepFailedError(f"{doing} {device.name}: {reason}") from error
