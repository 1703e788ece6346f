"""A registry for devices that pull: Debian's docker-registry (2.8), on the controller or a site.

It keeps its data in the cache. Images go there with gzip layers, since engines before 23.0 can't
pull zstd; the image id stays what the release says, and devices pull by the manifest's digest.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from jetson_kit.errors import (
    BadInputError,
    IntegrityError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.files import locked, write_text
from jetson_kit.fleet.release import Release
from jetson_kit.images import MANIFEST
from jetson_kit.paths import cache_dir
from jetson_kit.run import run

PORT = 5000
START_S = 20.0
STOP_S = 10.0
FILE = "registry.json"
REPOSITORY = "mediapipe-jetson"


@dataclass(frozen=True)
class Registry:
    """A running registry: its process, by number and start, and where it answers."""

    pid: int
    started: str
    address: str
    port: int
    tls: bool

    @property
    def name(self) -> str:
        """Return what stands before the first slash of a reference."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


def up(address: str = "127.0.0.1", port: int = PORT, cert: str = "", key: str = "") -> Registry:
    """Start the registry, or return the one that runs.

    Other addresses than loopback need TLS, or engines that name the network among their insecure
    registries. Raises BadInputError for a bad address, ToolMissingError, StepFailedError when it
    does not come up.
    """
    _check(address, port, cert, key)
    with locked(cache_dir("locks") / "registry.lock", lambda: None):
        found = running()
        wanted = (address, port, bool(cert))
        if found:
            if (found.address, found.port, found.tls) != wanted:
                raise BadInputError(
                    f"a registry runs at {found.name}", "stop it first: ./inv fleet.registry --down"
                )
            return found
        return _start(address, port, cert, key)


def down() -> bool:
    """Stop the registry; its data stays. False where none runs."""
    with locked(cache_dir("locks") / "registry.lock", lambda: None):
        found = running()
        _record().unlink(missing_ok=True)
        if found is None:
            return False
        os.kill(found.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_S
        while _start_of(found.pid) == found.started:
            if time.monotonic() > end:
                os.kill(found.pid, signal.SIGKILL)
            time.sleep(0.05)
        return True


def running() -> Registry | None:
    """Return the registry that we started, if it still is that very process."""
    try:
        found = Registry(**json.loads(_record().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if _start_of(found.pid) == found.started else None


def push(release: Release, registry: Registry, authfile: str = "") -> str:
    """Copy a release's image there; return its reference by digest.

    The registry's configuration must be the release's, byte for byte. Raises NetworkError.
    """
    if shutil.which("skopeo") is None:
        raise ToolMissingError("skopeo is not installed", "install it: apt-get install skopeo")
    build = json.loads((release.folder / MANIFEST).read_text(encoding="utf-8"))
    name = f"{registry.name}/{REPOSITORY}:{release.name}-{release.image_id[7:19]}"
    note = cache_dir("tmp") / f"push-{os.getpid()}.digest"
    words: list[str | Path] = ["skopeo", "copy", "--quiet", "--digestfile", note]
    words += ["--dest-compress-format", "gzip", "--format", "oci"]
    words += [] if registry.tls else ["--dest-tls-verify=false"]
    words += ["--dest-authfile", authfile] if authfile else []
    try:
        archive = release.folder / build["archive"]["file"]
        run([*words, f"oci-archive:{archive}", f"docker://{name}"], what="push to the registry")
        digest = note.read_text(encoding="utf-8").strip()
    finally:
        note.unlink(missing_ok=True)
    reference = f"{registry.name}/{REPOSITORY}@{digest}"
    kept = _config_of(registry, digest)
    if kept != release.image_id:
        raise IntegrityError(f"{reference} holds {kept}, not {release.image_id}", "push it again")
    write_text(
        release.folder / FILE,
        json.dumps({"image_id": release.image_id, "reference": reference}, indent=1) + "\n",
    )
    return reference


def _config_of(registry: Registry, digest: str) -> str:
    """Return the id of the image behind a manifest."""
    words = ["skopeo", "inspect", "--raw", *([] if registry.tls else ["--tls-verify=false"])]
    raw = run([*words, f"docker://{registry.name}/{REPOSITORY}@{digest}"], what="ask the registry")
    return str(json.loads(raw)["config"]["digest"])


def _start(address: str, port: int, cert: str, key: str) -> Registry:
    program = shutil.which("docker-registry")
    if program is None:
        raise ToolMissingError(
            "docker-registry is not installed", "install it: apt-get install docker-registry"
        )
    folder = cache_dir("registry")
    host = f"[{address}]" if ":" in address else address
    settings = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": f"{host}:{port}",
            **({"tls": {"certificate": cert, "key": key}} if cert else {}),
        },
    }
    write_text(folder / "config.yml", yaml.safe_dump(settings))
    log = folder / "registry.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [program, "serve", folder / "config.yml"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    end = time.monotonic() + START_S
    while not _answers(address, port):
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise StepFailedError(
                f"the registry does not come up: {(words or ['no words'])[-1]}",
                "is the port taken? name another with --port",
            )
        time.sleep(0.05)
    if child.poll() is not None:
        raise StepFailedError(f"something else answers at {host}:{port}", "name another port")
    made = Registry(child.pid, _start_of(child.pid), address, port, bool(cert))
    write_text(_record(), json.dumps(asdict(made)))
    return made


def _answers(address: str, port: int) -> bool:
    """Tell whether something listens there; what it is the first push shows."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except (OSError, http.client.HTTPException):
        return False


def _check(address: str, port: int, cert: str, key: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise BadInputError(f"{address} is no address of this machine: {error}") from error
    if not 0 < port < 65536:
        raise BadInputError(f"{port} is no port")
    if bool(cert) != bool(key):
        raise BadInputError("a certificate needs its key", "give both --cert and --key")
    for path in filter(None, (cert, key)):
        if not Path(path).is_file():
            raise BadInputError(f"there is no file {path}")


def _record() -> Path:
    return cache_dir("registry") / "running.json"


def _start_of(pid: int) -> str:
    """Return when a process began (field 22 of proc(5)'s stat), or "" for none or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def reference_of(release: Release) -> str:
    """Return where a release was pushed to. Raises NetworkError where it was not."""
    try:
        body = json.loads((release.folder / FILE).read_text(encoding="utf-8"))
        if body["image_id"] == release.image_id:
            return str(body["reference"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise NetworkError(
        f"{release.name} is in no registry", "push it: ./inv fleet.registry --push TARGET"
    )
