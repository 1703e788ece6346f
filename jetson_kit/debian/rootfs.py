"""Debian root file systems, put together natively for any architecture.

No maintainer script runs. What those scripts would have made and what users and scanners need
(dpkg's status, accounts, the certificate bundle) is made here from the packages' own data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import BadInputError, NetworkError
from jetson_kit.core.files import disk_guard, extract_tar, locked, write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import bytecode, installed
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.bytecode import Compiler
from jetson_kit.debian.deb_file import Deb
from jetson_kit.debian.lock import Lock

DATA = ROOT / "docker" / "rootfs.toml"
# Raised when the same packages would give other bytes than before.
FORMAT = 2


@dataclass(frozen=True)
class Rootfs:
    """A finished root file system: its tar and what is in it."""

    tar: Path
    key: str
    suite: str
    arch: str
    variant: str
    packages: tuple[tuple[str, str, str], ...]
    """(name, version, architecture), sorted."""
    locked: bool
    """Whether these are the packages of the lock, or what was newest when it was made."""


def data() -> dict[str, Any]:
    """Return docker/rootfs.toml."""
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def facts_of(spec: dict[str, Any], variant: str) -> dict[str, Any]:
    """Return a variant of docker/rootfs.toml, with components: "runtime", "runtime+camera".

    `packages` is what apt is asked for, `without` what of their dependencies is left out, `drop`
    and `keep` are patterns of files beside the common ones. Raises KeyError for one that is not
    there.
    """
    base, *components = variant.split("+")
    result: dict[str, Any] = {**spec["variants"][base], "without": [], "drop": [], "keep": []}
    for component in components:
        row = spec["components"][component]
        for key in ("packages", "without", "drop"):
            result[key] = [*result[key], *row[key]]
        result["keep"] += [
            f"usr/lib/*-linux-gnu/gstreamer-1.0/libgst{name}.so" for name in row["keep_plugins"]
        ]
    # What the variant has for other reasons is no less there.
    own = {row.name for lock in debian_lock.of_variant(base) for row in lock.rows}
    result["without"] = sorted(set(result["without"]) - own)
    return result


def compiler_of(variant: str, suite: str) -> Compiler | None:
    """Return what compiles the Python files of a variant, and of Debian packages laid upon it.

    None for a variant without bytecode, and where the suite's Python is not available here.
    """
    spec = data()
    if not facts_of(spec, variant)["bytecode"]:
        return None
    return bytecode.of(suite, spec["suites"][suite]["python"])


def suite_for(python: str) -> str:
    """Return the Debian suite whose Python is `python` ("3.11"). Raises BadInputError."""
    suites: dict[str, Any] = data()["suites"]
    for name, facts in suites.items():
        if facts["python"] == python:
            return name
    known = ", ".join(f"{facts['python']} ({name})" for name, facts in suites.items())
    raise BadInputError(
        f"the Debian base has no Python {python}",
        f"choose one of {known} with --python, or another --base",
    )


def build(variant: str, suite: str, arch: str, *, refresh: bool = False) -> Rootfs:
    """Return the root file system of the locked packages, or of the newest with `refresh`.

    `variant` is as `facts_of` has it. Without a lock for just these packages, and where the archive
    has one of its packages no more, the newest are taken too, and used again until `refresh` asks
    for newer or the archive has what is locked. With a lock `refresh` is for this time only. Raises
    NetworkError, DiskFullError, StepFailedError or ToolMissingError.
    """
    spec = data()
    facts = facts_of(spec, variant)
    lock = debian_lock.read(debian_lock.path_of(variant, suite, arch))
    if lock and list(lock.packages) != facts["packages"]:
        lock = None
    compiler = compiler_of(variant, suite)
    requested = {
        "format": FORMAT,
        "bytecode": compiler.key if compiler else "",
        "variant": {key: value for key, value in facts.items() if value != []},
        "injected": spec["injected"],
        "prune": spec["prune"],
        "user": spec["user"],
        "lock": debian_lock.to_json(lock) if lock else "",
    }
    digest = hashlib.sha256(json.dumps(requested, sort_keys=True).encode()).hexdigest()[:16]
    pointer = cache_dir("rootfs") / f"{suite}-{arch}-{variant}-{digest}.json"
    known = None if refresh else _known(pointer, variant, suite, arch)
    if known and (known.locked or not lock):
        return known
    debs = _locked(lock, suite, arch, known) if lock and not refresh else None
    if known and debs is None:
        return known
    follows = debs is not None
    if debs is None:
        debs = debian.fetch(
            tuple(facts["packages"]),
            suite=suite,
            arch=arch,
            folder=cache_dir("apt", f"{suite}-{arch}"),
            status=status(spec, variant),
        )
    listing = "\n".join(f"{deb.name} {deb.version} {deb.sha256}" for deb in debs)
    key = hashlib.sha256(f"{digest}\n{listing}".encode()).hexdigest()[:16]
    tar = cache_dir("rootfs") / f"{suite}-{arch}-{variant}-{key}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside:
            prune = {key: [*spec["prune"][key], *facts[key]] for key in ("drop", "keep")}
            injected = _injected(spec, facts)
            with LayerTar(aside, compiler) as layer:
                _assemble(layer, debs, {**spec, "prune": prune}, injected, facts["without"])
    packages = tuple((deb.name, deb.version, deb.architecture) for deb in debs)
    rootfs = Rootfs(tar, key, suite, arch, variant, packages, follows)
    if not (lock and refresh):
        write_text(pointer, json.dumps({"key": key, "packages": packages, "locked": follows}))
    return rootfs


def _locked(lock: Lock, suite: str, arch: str, known: Rootfs | None) -> tuple[Deb, ...] | None:
    """Return the packages of a lock; None where they are not available, or `known` does."""
    folder = cache_dir("apt", f"{suite}-{arch}")
    try:
        return debian_lock.fetch(lock, suite=suite, arch=arch, folder=folder)
    except NetworkError:
        if known:
            return None
        raise


def tree(variant: str, suite: str, arch: str) -> Path:
    """Return the root file system unpacked as a folder (for user emulation), cached."""
    rootfs = build(variant, suite, arch)
    folder = rootfs.tar.with_suffix("")
    with locked(cache_dir("locks") / f"{folder.name}.lock", lambda: None):
        if not folder.exists():
            aside = folder.with_name(f".{folder.name}.part")
            shutil.rmtree(aside, ignore_errors=True)
            with disk_guard(folder.parent), tarfile.open(rootfs.tar) as archive:
                extract_tar(archive, aside)
                aside.replace(folder)
    return folder


def _known(pointer: Path, variant: str, suite: str, arch: str) -> Rootfs | None:
    try:
        facts = json.loads(pointer.read_text(encoding="utf-8"))
        packages = tuple((name, version, of) for name, version, of in facts["packages"])
        tar = pointer.parent / f"{suite}-{arch}-{variant}-{facts['key']}.tar"
        follows = bool(facts["locked"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not cached_files.intact(tar):
        return None
    return Rootfs(tar, facts["key"], suite, arch, variant, packages, follows)


def status(spec: dict[str, Any], variant: str) -> str:
    """Return the dpkg status of what counts as installed in a variant before anything is.

    What a component leaves out is in it for apt alone: in the image no package depends on it.
    """
    facts = facts_of(spec, variant)
    left_out = ""
    if facts["without"]:
        # With a version, as dependencies ask for one.
        provides = tuple(f"{name} (= 99:0)" for name in facts["without"])
        left_out = _counted("left-out", "1", provides, "What no plugin that stays needs")
    return _injected(spec, facts) + left_out


def _injected(spec: dict[str, Any], facts: dict[str, Any]) -> str:
    if not facts["injected"]:
        return ""
    row = spec["injected"]
    return _counted(row["name"], row["version"], row["provides"], row["description"])


def _counted(name: str, version: str, provides: Sequence[str], description: str) -> str:
    return (
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\n"
        f"Section: misc\nMaintainer: MediaPipe Jetson Kit <root@localhost>\n"
        f"Architecture: all\nVersion: {version}\n"
        f"Provides: {', '.join(provides)}\nDescription: {description}\n\n"
    )


def _assemble(
    layer: LayerTar,
    debs: tuple[Deb, ...],
    spec: dict[str, Any],
    injected: str,
    without: Collection[str] = (),
) -> None:
    """Merge the packages' files into a layer and add what their scripts would have made."""
    merged = installed.merge(layer, debs, spec["prune"], without)
    _accounts(layer, merged.masters, spec["user"])
    installed.add_common(layer, replace(merged, status=injected + merged.status))


def _accounts(layer: LayerTar, masters: dict[str, str], user: dict[str, Any]) -> None:
    name, uid, gid = user["name"], user["uid"], user["gid"]
    if "passwd.master" in masters:
        layer.data(
            "etc/passwd",
            masters["passwd.master"].replace(":*:", ":x:")
            + f"{name}:x:{uid}:{gid}::/home/{name}:/usr/sbin/nologin\n",
        )
        layer.data(
            "etc/group", masters["group.master"].replace(":*:", ":x:") + f"{name}:x:{gid}:\n"
        )
        layer.folder(f"home/{name}", 0o750, uid, gid)
    if "nsswitch.conf" in masters:
        layer.data("etc/nsswitch.conf", masters["nsswitch.conf"])
