"""An application's Debian packages: what the image lacks of them, as a layer of their own."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.app.settings import App
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import installed, loader_cache, rootfs
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.lock import Lock
from jetson_kit.debian.rootfs import Rootfs

FORMAT = 3
STATUS = "var/lib/dpkg/status"
# What apt says of a package that its index has not, or has in no version.
ABSENT = re.compile(r"(?:Unable to locate package |Package ')([a-z0-9][a-z0-9.+-]*)")


@dataclass(frozen=True)
class SystemLayer:
    """The layer and the packages in it: (name, version, architecture)."""

    tar: Path
    packages: tuple[tuple[str, str, str], ...]


def make(app: App, base: Rootfs, *, refresh: bool = False) -> SystemLayer | None:
    """Return the layer; None where the application needs no package.

    What was resolved stands beside the application and is taken as it is until `refresh`, or until
    packages or image change. Raises BadInputError for a package that Debian does not have, and what
    debian.fetch raises.
    """
    return _make(_Request(app.folder, app.debian, "debian", "[debian] packages"), base, refresh)


def for_building(app: App, base: Rootfs, *, refresh: bool = False) -> SystemLayer | None:
    """Return the layer that the builder's image has for this application, as `make`."""
    request = _Request(app.folder, app.build.debian, "debian-build", "[build] debian")
    return _make(request, base, refresh)


@dataclass(frozen=True)
class _Request:
    """The packages that a key of jetson.toml names; `name` is of the lock and the layer."""

    folder: Path
    packages: tuple[str, ...]
    name: str
    key: str


def _make(request: _Request, base: Rootfs, refresh: bool) -> SystemLayer | None:
    if not request.packages:
        return None
    folder = cache_dir("apt", f"{base.suite}-{base.arch}")
    lock = _locked(request, base, folder, refresh=refresh)
    debs = debian_lock.fetch(lock, suite=base.suite, arch=base.arch, folder=folder)
    if debs is None:
        lock = _locked(request, base, folder, refresh=True)
        debs = debian_lock.fetch(lock, suite=base.suite, arch=base.arch, folder=folder)
    if debs is None:
        raise StepFailedError("Debian's archive lacks a package that it lists", "run it again")
    if not debs:
        return None  # the image has them all
    packages = tuple((deb.name, deb.version, deb.architecture) for deb in debs)
    compiler = rootfs.compiler_of(base.variant, base.suite)
    compiled_by = compiler.key if compiler else ""
    listing = json.dumps([FORMAT, base.key, compiled_by, [deb.sha256 for deb in debs]])
    key = hashlib.sha256(listing.encode()).hexdigest()[:16]
    tar = cache_dir("layers") / f"app-{request.name}-{key}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside, LayerTar(aside, compiler) as layer:
            merged = installed.merge(layer, debs, rootfs.data()["prune"])
            layer.data(STATUS, _status(base) + merged.status)
            with tarfile.open(base.tar) as below:
                held = {*below.getnames(), *layer.names}
            layer.data(loader_cache.PATH, loader_cache.content(held, base.arch))
    return SystemLayer(tar, packages)


def _locked(request: _Request, base: Rootfs, folder: Path, *, refresh: bool) -> Lock:
    """Return what apt resolves, from the file beside the application where it still holds."""
    path = request.folder / f"{request.name}-{base.suite}-{base.arch}.jetson.lock"
    # What the image has decides what is lacking.
    inputs = (*request.packages, f"image={base.key}")
    if not refresh and (known := debian_lock.read(path)) and known.packages == inputs:
        return known
    try:
        printed = debian.resolve(
            request.packages, suite=base.suite, arch=base.arch, folder=folder, status=_status(base)
        )
    except StepFailedError as error:
        absent = [name for name in ABSENT.findall(error.message) if name in request.packages]
        raise BadInputError(
            f"{request.folder}: Debian {base.suite} can't give "
            f"{', '.join(absent or request.packages)}: {error.message}",
            f"correct {request.key} in jetson.toml",
        ) from error
    lock = debian_lock.resolved(inputs, printed, debian.host_mirror())
    write_text(path, debian_lock.to_json(lock))
    return lock


def _status(base: Rootfs) -> str:
    """Return dpkg's status of the base image."""
    with tarfile.open(base.tar) as archive:
        stream = archive.extractfile(STATUS)
        return stream.read().decode() if stream else ""
