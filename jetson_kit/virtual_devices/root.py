"""The root file system of virtual Jetsons, put together natively for either architecture.

No maintainer script runs: accounts, enabled units, alternatives and certificates are made here
from docker/device-root.toml and the packages' own data.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import locked, write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import installed, rootfs
from jetson_kit.debian.deb_file import Deb
from jetson_kit.virtual_devices import engines
from jetson_kit.virtual_devices.engines import Engine

DATA = ROOT / "docker" / "device-root.toml"
OWN = ROOT / "docker" / "device-root"
UNITS = "/usr/lib/systemd/system"
# Raised when the same inputs would give other bytes than before.
FORMAT = 3


@dataclass(frozen=True)
class Root:
    """A finished root: its tar, and the hash of all that is in it."""

    tar: Path
    key: str
    arch: str


def data() -> dict[str, Any]:
    """Return docker/device-root.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def build(arch: str, docker: str = "", *, refresh: bool = False) -> Root:
    """Return the root for "amd64" or "arm64", from the cache unless `refresh` asks for newer.

    `docker` names the engine in it, "" the default one.

    Raises NetworkError, IntegrityError, DiskFullError, StepFailedError or ToolMissingError.
    """
    with locked(cache_dir("locks") / f"device-root-{arch}.lock", lambda: None):
        return _build(arch, engines.get(docker), refresh)


def _build(arch: str, docker: Engine, refresh: bool) -> Root:
    spec = data()
    prune = rootfs.data()["prune"]
    digest = _digest(spec, prune, docker)
    folder = cache_dir("devices", "root")
    pointer = folder / f"{arch}-{digest}.json"
    if not refresh and (known := _known(pointer, arch)):
        return known
    debs = _debs(spec, arch, docker)
    _check(docker, debs)
    listing = "\n".join(f"{deb.name} {deb.version} {deb.sha256}" for deb in debs)
    key = hashlib.sha256(f"{digest}\n{listing}".encode()).hexdigest()[:16]
    tar = folder / f"{arch}-{key}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside, LayerTar(aside) as layer:
            _own_files(layer, OWN, "")
            if docker.daemon:
                layer.data("etc/docker/daemon.json", json.dumps(docker.daemon, indent=1) + "\n")
            _links(layer, spec)
            merged = installed.merge(layer, debs, prune)
            _accounts(layer, merged.masters, spec)
            installed.add_common(layer, merged)
        cached_files.forget_unused(folder, f"{arch}-*.tar")
    write_text(pointer, json.dumps({"key": key}))
    return Root(tar, key, arch)


def _debs(spec: dict[str, Any], arch: str, docker: Engine) -> tuple[Deb, ...]:
    """Return the packages: the root's of one suite, the engine's of its own on top of those."""

    def fetch(packages: list[str], suite: str, status: str = "") -> tuple[Deb, ...]:
        folder = cache_dir("apt", f"{suite}-{arch}")
        return debian.fetch(tuple(packages), suite=suite, arch=arch, folder=folder, status=status)

    base, own = list(spec["packages"]), list(docker.packages)
    if docker.suite == spec["suite"]:
        return fetch(base + own, spec["suite"])
    debs = fetch(base, spec["suite"])
    return debs + fetch(own, docker.suite, "".join(installed.stanza(deb) for deb in debs))


def _check(docker: Engine, debs: tuple[Deb, ...]) -> None:
    """Refuse another release of the engine: a suite may have gone on."""
    version = next(deb.version for deb in debs if deb.name == "docker.io")
    if not version.startswith(f"{engines.release(docker)}."):
        raise StepFailedError(
            f"Debian {docker.suite} has docker.io {version} now, no {engines.release(docker)}",
            f"take another --engine, or renew {engines.DATA.name}",
        )


def _known(pointer: Path, arch: str) -> Root | None:
    try:
        key = str(json.loads(pointer.read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    tar = pointer.parent / f"{arch}-{key}.tar"
    if not cached_files.intact(tar):
        return None
    cached_files.used(tar)
    return Root(tar, key, arch)


def _digest(spec: dict[str, Any], prune: dict[str, Any], docker: Engine) -> str:
    """Return the hash of everything but the packages: what is wanted, and our own files."""
    digest = hashlib.sha256(f"{FORMAT} {rootfs.FORMAT}\n".encode())
    requested = {key: spec[key] for key in spec if key != "kernel"}
    parts = [requested, prune, dataclasses.asdict(docker)]
    digest.update(json.dumps(parts, sort_keys=True).encode())
    for path in sorted(OWN.rglob("*")):
        if path.is_file():
            digest.update(f"\n{path.relative_to(OWN)} {_mode(path)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _mode(path: Path) -> int:
    """Return a file's mode by what it is: a checkout may have lost it."""
    return 0o755 if path.read_bytes().startswith(b"#!") else 0o644


def _own_files(layer: LayerTar, folder: Path, name: str) -> None:
    """Add our files first: a path that is there is not taken from a package."""
    for entry in sorted(folder.iterdir()):
        below = f"{name}/{entry.name}".lstrip("/")
        if entry.is_dir():
            _own_files(layer, entry, below)
        else:
            layer.file(below, entry, _mode(entry))


def _links(layer: LayerTar, spec: dict[str, Any]) -> None:
    wants = "etc/systemd/system/{}.target.wants/{}"
    for target, units in (("multi-user", spec["enabled"]), ("sockets", spec["sockets"])):
        for unit in units:
            own = (OWN / "etc/systemd/system" / unit).exists()
            where = f"/etc/systemd/system/{unit}" if own else f"{UNITS}/{unit}"
            layer.link(wants.format(target, unit), where)
    for unit in spec["masked"]:
        layer.link(f"etc/systemd/system/{unit}", "/dev/null")
    for name, to in spec["links"].items():
        layer.link(name, to)
    folder = spec["alternatives"]["folder"]
    for name in spec["alternatives"]["nft"]:
        first, _, rest = name.partition("-")
        through = f"etc/alternatives/{name}"
        layer.link(f"{folder}/{name}", f"/{through}")
        layer.link(through, f"/{folder}/{first}-nft{'-' if rest else ''}{rest}")


def _accounts(layer: LayerTar, masters: dict[str, str], spec: dict[str, Any]) -> None:
    users: dict[str, dict[str, Any]] = spec["users"]
    passwd = masters["passwd.master"].replace(":*:", ":x:") + "".join(
        f"{name}:x:{user['uid']}:{user['gid']}::{user['home']}:/usr/sbin/nologin\n"
        for name, user in users.items()
    )
    group = masters["group.master"].replace(":*:", ":x:") + "".join(
        f"{name}:x:{gid}:\n" for name, gid in spec["groups"].items()
    )
    names = [line.split(":")[0] for line in passwd.splitlines()]
    groups = [line.split(":")[0] for line in group.splitlines()]
    shadow_gid = next(
        int(line.split(":")[2]) for line in group.splitlines() if line.startswith("shadow:")
    )
    layer.data("etc/passwd", passwd)
    layer.data("etc/group", group)
    # No password opens any account; the last change lies far back, so that none has expired.
    shadow = "".join(f"{name}:*:20000:0:99999:7:::\n" for name in names)
    layer.data("etc/shadow", shadow, 0o640, 0, shadow_gid)
    layer.data("etc/gshadow", "".join(f"{name}:*::\n" for name in groups), 0o640, 0, shadow_gid)
