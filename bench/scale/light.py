"""Light endpoints: hundreds of devices on one machine, each with a root, a network and an sshd.

Every one has its own mount, process and network namespaces over one shared root (that of virtual
Jetsons), and really runs Ansible's modules and the board's program. Its engine is a stand-in that
checks hashes and unpacks nothing (stand_ins/docker): this machine has no room for hundreds of real
ones. All are in one network that nothing else can reach, and end with the process that made them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from bench.scale.children import child
from bench.scale.traffic import Bytes, interfaces
from jetson_kit.core import cached_files
from jetson_kit.core import ssh as clients
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import extract_tar, locked, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import root

HERE = Path(__file__).parent
INIT = HERE / "light-init.sh"
STAND_INS = HERE / "stand_ins"
# RFC 2544: for measurements of networks; here it is in a network namespace besides.
NETWORK, CONTROLLER = "198.18", "198.18.0.1"
BRIDGE = "bench"
# In memory: each device would have a disk of its own, and the program waits for it often.
MEMORY = Path("/dev/shm")  # noqa: S108 # a file system, not a file that others could guess
START_S = 120.0
# Of folders that are not whole yet, or no more.
ASIDE = ".aside-"
SSHD = """\
HostKey /etc/ssh/light_key
AuthorizedKeysFile /etc/ssh/light_authorized
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UseDNS no
Subsystem sftp /usr/lib/openssh/sftp-server
"""


@dataclass(frozen=True)
class LightEndpoints:
    """Endpoints that are up."""

    names: tuple[str, ...]
    inventory: Path
    folder: Path
    holder: int
    """Process in the controller's network namespace."""
    key: Path

    def inside(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return a command line that runs a program of the controller's in the network."""
        return ["nsenter", "--target", str(self.holder), "--net", *command]

    def bytes_moved(self) -> dict[str, Bytes]:
        """Return what went to and came from each, by the counters of its interface."""
        rows = interfaces(Path(f"/proc/{self.holder}/net/dev").read_text(encoding="ascii"))
        result = {}
        for number, name in enumerate(self.names):
            # The controller's end of each pair: what it sent, the device got.
            back, to = rows[_link(number)]
            result[name] = Bytes(to, back)
        return result

    def upper(self, number: int) -> Path:
        """Return the folder that holds what a device wrote."""
        return self.folder / str(number) / "upper"


def base() -> Path:
    """Return the shared root, unpacked once.

    Another version of the kit has another root, and may be using it now: it stays until it was
    unused for long, and is out of its place before any of it goes.
    """
    result = root.build("amd64" if os.uname().machine == "x86_64" else "arm64")
    with locked(cache_dir("locks") / "light-root.lock", lambda: None):
        folder = cache_dir("light") / f"root-{result.key}"
        for left in folder.parent.glob(f"{ASIDE}*"):
            shutil.rmtree(left)
        if not folder.exists():
            aside = folder.with_name(f"{ASIDE}{folder.name}")
            aside.mkdir()
            with tarfile.open(result.tar) as tar:
                extract_tar(tar, aside)
            aside.rename(folder)
        cached_files.used(folder)
        for old in folder.parent.glob("root-*"):
            if time.time() - old.stat().st_mtime > cached_files.UNUSED_S:
                shutil.rmtree(old.rename(old.with_name(f"{ASIDE}{old.name}")))
    return folder


@contextlib.contextmanager
def up(
    count: int, variables: dict[str, Any], golden: Path | None = None
) -> Iterator[LightEndpoints]:
    """Bring endpoints up; all begin as `golden`, what another one wrote.

    `variables` are those of the inventory. Raises StepFailedError where they don't come up.
    """
    lower = ":".join(map(str, ([golden] if golden else []) + [_own(), base()]))
    folder = Path(tempfile.mkdtemp(prefix="kit-light-", dir=MEMORY))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        holder = stack.enter_context(child(["unshare", "--net", "sleep", "infinity"]))
        while _network(str(holder.pid)) == _network("self"):
            time.sleep(0.01)
        names = tuple(f"light-{number + 1}" for number in range(count))
        endpoints = LightEndpoints(names, folder / "hosts.yml", folder, holder.pid, folder / "key")
        _keygen(endpoints.key)
        public = endpoints.key.with_suffix(".pub").read_text(encoding="ascii")
        pins = []
        devices = []
        for number in range(count):
            pins.append(_prepare(endpoints, number, public))
            space = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork"]
            command = ["sh", str(INIT), lower, str(folder / str(number))]
            command += [f"{_address(number)}/16", names[number]]
            devices.append(stack.enter_context(child([*space, "--kill-child", *command])))
        _wire_up(endpoints, devices)
        write_text(folder / "known_hosts", "".join(pins))
        write_text(
            endpoints.inventory, yaml.safe_dump(_inventory(endpoints, variables), sort_keys=False)
        )
        _wait(endpoints)
        yield endpoints


def _network(process: str) -> Path:
    return Path(f"/proc/{process}/ns/net").readlink()


def _own() -> Path:
    """Return the layer of the overlay with the stand-ins and sshd's settings, by its content."""
    programs = {path.name: path.read_text(encoding="utf-8") for path in STAND_INS.iterdir()}
    digest = hashlib.sha256(json.dumps([programs, SSHD], sort_keys=True).encode())
    folder = cache_dir("light", f"own-{digest.hexdigest()[:16]}")
    for name, text in programs.items():
        place = folder / "usr/local/bin" / name
        write_text(place, text)
        place.chmod(0o755)
    write_text(folder / "etc/ssh/light.conf", SSHD)
    return folder


def _prepare(endpoints: LightEndpoints, number: int, public: str) -> str:
    """Make a device's folder with keys of its own; return the line that pins its host key."""
    folder = endpoints.folder / str(number)
    for name in ("work", "root", "upper/etc/ssh"):
        (folder / name).mkdir(parents=True)
    keys = endpoints.upper(number) / "etc/ssh"
    _keygen(keys / "light_key")
    (keys / "light_authorized").write_text(public, encoding="ascii")
    kind, body, *_ = (keys / "light_key.pub").read_text(encoding="ascii").split()
    return f"{_address(number)} {kind} {body}\n"


def _wire_up(endpoints: LightEndpoints, devices: Sequence[subprocess.Popen[bytes]]) -> None:
    """Give each an interface, when it is in its namespaces; then let it go on."""
    lines = [
        f"link add {BRIDGE} type bridge",
        f"address add {CONTROLLER}/16 dev {BRIDGE}",
        f"link set {BRIDGE} up",
        "link set lo up",
    ]
    for number, device in enumerate(devices):
        if not _pipe(device.stdout).readline():
            raise StepFailedError(
                f"{endpoints.names[number]} did not start", "it needs root and overlayfs"
            )
        link = _link(number)
        lines.append(f"link add {link} type veth peer name eth0 netns {device.pid}")
        lines.append(f"link set {link} master {BRIDGE} up")
    run(
        [*endpoints.inside(["ip", "-batch", "-"])],
        what="making the network of the endpoints",
        stdin="\n".join(lines).encode(),
    )
    for device in devices:
        _pipe(device.stdin).write(b"\n")
        _pipe(device.stdin).flush()


def _pipe(stream: Any) -> BinaryIO:  # noqa: ANN401 # Popen's, which may be None
    result: BinaryIO = stream
    return result


def _wait(endpoints: LightEndpoints) -> None:
    """Wait until the last one answers; the others started before it."""
    end = time.monotonic() + START_S
    command = [*ssh(endpoints, len(endpoints.names) - 1), "true"]
    while subprocess.run(endpoints.inside(command), capture_output=True, check=False).returncode:
        if time.monotonic() > end:
            raise StepFailedError(f"{endpoints.names[-1]} does not answer to ssh")
        time.sleep(0.1)


def ssh(endpoints: LightEndpoints, number: int) -> list[str | Path]:
    """Return the words that log in to a device."""
    known = f"UserKnownHostsFile={endpoints.folder / 'known_hosts'}"
    own = ("-o", known, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes")
    options = (*clients.STRICT, *clients.LASTING, *own, "-i", endpoints.key)
    return ["ssh", "-F", "/dev/null", *options, f"root@{_address(number)}"]


def _inventory(endpoints: LightEndpoints, variables: dict[str, Any]) -> dict[str, Any]:
    known = f"-o UserKnownHostsFile={endpoints.folder / 'known_hosts'}"
    shared = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(endpoints.key),
        "ansible_ssh_common_args": f"-F /dev/null {known} -o IdentitiesOnly=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
        **variables,
    }
    hosts = {
        name: {"ansible_host": _address(number)} for number, name in enumerate(endpoints.names)
    }
    return {"all": {"hosts": hosts, "vars": shared}}


def _address(number: int) -> str:
    return f"{NETWORK}.{1 + number // 250}.{1 + number % 250}"


def _link(number: int) -> str:
    return f"v{number}"


def _keygen(path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", path], what="a key")
