"""A registry for devices that pull: Debian's docker-registry (2.8), on this machine.

It keeps its data in the cache. Beyond loopback it speaks TLS alone, by a certificate of an
authority of its own where none is given.
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
from typing import Any

import yaml

from jetson_kit.core.errors import BadInputError, StepFailedError, ToolMissingError
from jetson_kit.core.files import locked, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.reasons import why
from jetson_kit.fleet.release import certificates

PORT = 5000
START_S = 20.0
STOP_S = 10.0


@dataclass(frozen=True)
class Registry:
    """A running registry: its process, by number and start, and where it answers."""

    pid: int
    started: str
    address: str
    port: int
    tls: bool
    ca: str
    """File of the authority that clients must trust, "" where theirs do already."""
    htpasswd: str
    """File of who may use it; "": anyone who reaches it."""

    @property
    def name(self) -> str:
        """Return the part of a reference before the first slash."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class RegistryOptions:
    """How the registry is to be run."""

    address: str = "127.0.0.1"
    port: int = PORT
    cert: str = ""
    key: str = ""
    ca: str = ""
    """Authority of a certificate of one's own, where devices don't know it."""
    htpasswd: str = ""

    def __post_init__(self) -> None:
        """Check everything. Raises BadInputError."""
        try:
            ipaddress.ip_address(self.address)
        except ValueError as error:
            raise BadInputError(
                f"{self.address} is no address of this machine: {why(error)}"
            ) from error
        if not 0 < self.port < 65536:
            raise BadInputError(f"{self.port} is no port")
        if bool(self.cert) != bool(self.key):
            raise BadInputError("a certificate needs its key", "give both --cert and --key")
        if self.ca and not self.cert:
            raise BadInputError("--ca names the authority of --cert", "give both, or none of them")
        for path in filter(None, (self.cert, self.key, self.ca, self.htpasswd)):
            if not Path(path).is_file():
                raise BadInputError(f"there is no file {path}")

    @property
    def local(self) -> bool:
        """Tell whether only this machine reaches it: engines ask for no TLS there."""
        return ipaddress.ip_address(self.address).is_loopback


def up(options: RegistryOptions) -> Registry:
    """Start the registry, or return the one that runs.

    Raises BadInputError where another one runs, ToolMissingError, StepFailedError when it does not
    come up.
    """
    with locked(cache_dir("locks") / "registry.lock", lambda: None):
        registry = running()
        if registry is None:
            return _start(options)
        if (registry.address, registry.port) != (options.address, options.port):
            raise BadInputError(
                f"a registry runs at {registry.name}", "stop it first: ./inv fleet.registry --down"
            )
        return registry


def down() -> bool:
    """Stop the registry; its data stays. False where none runs."""
    with locked(cache_dir("locks") / "registry.lock", lambda: None):
        registry = running()
        _record().unlink(missing_ok=True)
        if registry is None:
            return False
        os.kill(registry.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_S
        while _start_of(registry.pid) == registry.started:
            if time.monotonic() > end:
                os.kill(registry.pid, signal.SIGKILL)
            time.sleep(0.05)
        return True


def running() -> Registry | None:
    """Return the registry that we started, if it still is that very process."""
    try:
        registry = Registry(**json.loads(_record().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return registry if _start_of(registry.pid) == registry.started else None


def _start(options: RegistryOptions) -> Registry:
    program = shutil.which("docker-registry")
    if program is None:
        raise ToolMissingError(
            "docker-registry is not installed", "install it: apt-get install docker-registry"
        )
    folder = cache_dir("registry")
    cert, key, ca = options.cert, options.key, options.ca
    if not cert and not options.local:
        files = certificates.ensure(folder / "tls", options.address)
        cert, key, ca = str(files.cert), str(files.key), str(files.ca)
    write_text(folder / "config.yml", yaml.safe_dump(_settings(options, folder, cert, key)))
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
    while not _answers(options.address, options.port):
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise StepFailedError(
                f"the registry does not come up: {(lines or ['no words'])[-1]}",
                "is the port taken? name another with --port",
            )
        time.sleep(0.05)
    if child.poll() is not None:
        raise StepFailedError(
            f"something else answers at {options.address}:{options.port}", "name another port"
        )
    started = _start_of(child.pid)
    registry = Registry(
        child.pid, started, options.address, options.port, bool(cert), ca, options.htpasswd
    )
    write_text(_record(), json.dumps(asdict(registry)))
    return registry


def _settings(options: RegistryOptions, folder: Path, cert: str, key: str) -> dict[str, Any]:
    """Return the registry's own configuration."""
    host = f"[{options.address}]" if ":" in options.address else options.address
    tls = {"tls": {"certificate": cert, "key": key}} if cert else {}
    who = {
        "htpasswd": {"realm": "mediapipe-jetson", "path": str(Path(options.htpasswd).absolute())}
    }
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"{host}:{options.port}", **tls},
        **({"auth": who} if options.htpasswd else {}),
    }


def _answers(address: str, port: int) -> bool:
    """Tell whether something listens there; what it is the first push shows."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except (OSError, http.client.HTTPException):
        return False


def _record() -> Path:
    return cache_dir("registry") / "running.json"


def _start_of(pid: int) -> str:
    """Return when a process began (field 22 of proc(5)'s stat), or "" for none or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
