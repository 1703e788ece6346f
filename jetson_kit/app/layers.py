"""The layers of an application: Debian packages, wheels, large files, then its code on top."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.app import (
    base_packages,
    fit,
    hints,
    image_programs,
    imports,
    lock,
    module_names,
    program,
    requirements_file,
    system,
    tree,
    wheel_folder,
)
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.fit import Image
from jetson_kit.app.lock import Lock
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import HOME, App
from jetson_kit.app.source import fetch, wheels
from jetson_kit.app.source.model import Built, Target
from jetson_kit.app.source.wheels import Builds
from jetson_kit.app.tree import Entry, Tree
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.text import counted
from jetson_kit.debian import bytecode, rootfs
from jetson_kit.debian.rootfs import Rootfs
from jetson_kit.emulation.cpus import Cpu
from jetson_kit.wheels import pysite
from jetson_kit.wheels.pysite import Installed

FORMAT = 1
ABOUT = "etc/mediapipe-jetson/app.json"
# Files from this size on have a layer below the code's, which then stays small.
LARGE = 1 << 20
CODE = "app.tar"
DOCKERIGNORE = ".dockerignore"


@dataclass(frozen=True)
class Base:
    """The image on the kit's own base that the application is put on."""

    lock: Path
    mediapipe: str
    arch: str
    python: str
    suite: str
    variant: str
    core: Cpu | None
    """The oldest core of its boards; None for an image of this machine's own architecture."""

    def held(self) -> BasePackages:
        """Return the packages that it has."""
        return base_packages.of(self.lock, self.mediapipe, self.arch, self.python, self.suite)

    def builds(self, app: App, *, emulation: bool = True, refresh: bool = False) -> Builds:
        """Return what builds an application's packages from source."""
        manylinux = self.held().manylinux
        target = Target(self.suite, self.arch, self.python, manylinux, self.core)
        return Builds(app, target, emulation, refresh)


@dataclass(frozen=True)
class Prepared:
    """An application that was read and resolved: what is wrong with it is known."""

    tree: Tree
    lock: Lock | None


@dataclass(frozen=True)
class AppLayers:
    """Its layers from the lowest up, and what is in them."""

    tars: tuple[tuple[str, Path], ...]
    installed: tuple[Installed, ...] = ()
    packages: tuple[tuple[str, str, str], ...] = ()
    built: tuple[Built, ...] = ()
    """The packages that were built from source."""


def prepare(
    app: App, base: Base, progress: Progress, *, refresh: bool = False, emulation: bool = True
) -> Prepared:
    """Read the folder and resolve its requirements, before anything of the image is built.

    Without `emulation` nothing is compiled for another processor. Raises BadInputError for what
    can't be put into the image, NetworkError, and what building from source raises.
    """
    with progress.step("app", f"application {app.name}") as step:
        files = tree.read(app)
        resolved = None
        if app.requirements:
            builds = base.builds(app, emulation=emulation, refresh=refresh)
            resolved = lock.make(
                app, base.held(), base.arch, base.python, refresh=refresh, builds=builds
            )
        count = f"{counted(len(files.entries), 'file')}, {files.size / 1e6:.1f} MB"
        packages = f", {counted(len(resolved.pins), 'package')}" if resolved else ""
        if resolved and resolved.built:
            packages += f" ({len(resolved.built)} built from source)"
        step.note = count + packages + (", resolved" if resolved and resolved.fresh else "")
    if resolved and base.arch == "arm64" and (note := hints.of_cuda(resolved.pins)):
        progress.say(f"warning: {note}")
    for line in (
        wheel_folder.unused(app, resolved.pins, resolved.platform, base.python) if resolved else ()
    ):
        progress.say(f"warning: {line}")
    if (app.folder / DOCKERIGNORE).is_file() and not app.ignore:
        progress.say(
            f"        {DOCKERIGNORE} is of Dockerfiles and not read here: name in jetson.toml what "
            "the image does not need: ignore = [...]"
        )
    if secrets := sorted({*files.secrets, *_packages_secrets(app, resolved)}):
        more = len(secrets) - 10
        progress.say(
            f"        left out, as they look like secrets: {', '.join(secrets[:10])} "
            + (f"and {more} more " if more > 0 else "")
            + "(include = [...] in jetson.toml puts them in)"
        )
    return Prepared(files, resolved)


def make(
    app: App,
    base: Base,
    ready: Prepared,
    below: Sequence[Path],
    progress: Progress,
    *,
    path: str,
    root: Rootfs | None,
    refresh: bool = False,
) -> AppLayers:
    """Return the layers; `below` are the image's layers of Python packages, `path` is its PATH.

    `root` is what the image stands on, None where that is not ours and can't be looked into.
    Raises BadInputError for packages that don't fit the image, and what its sources raise.
    """
    compiler = bytecode.of(base.suite, base.python)
    if compiler:
        program.check(app, ready.tree, compiler)
    tars: list[tuple[str, Path]] = []
    installed: tuple[Installed, ...] = ()
    packages: tuple[tuple[str, str, str], ...] = ()
    built: tuple[Built, ...] = ()
    if app.debian:
        with progress.step("app-debian", "the application's Debian packages") as step:
            stands_on = root or rootfs.build(base.variant, base.suite, base.arch)
            if system_layer := system.make(app, stands_on, refresh=refresh):
                tars.append(("app-debian.tar", system_layer.tar))
                packages = system_layer.packages
            step.note = f"{len(packages)} that the image lacks"
    if ready.lock and ready.lock.pins:
        own = next((tar for name, tar in tars if name == "app-debian.tar"), None)
        numpy = base.held().version("numpy")
        image = Image(base.suite, base.arch, base.core, tuple(below), own, numpy)
        wheels_step = progress.step("app-wheels", "the application's wheels")
        with wheels_step as step, requirements_file.asking(ready.lock.unset):
            site = pysite.application(
                ready.lock.installable,
                _contents(ready.lock),
                base.python,
                base.arch,
                ready.lock.platform,
                lambda folder: fit.check(folder, image),
                image.key,
                compiler,
            )
            step.note = f"{counted(len(site.installed), 'package')}"
        tars.append(("app-wheels.tar", site.tar))
        python = Python(base.python, base.arch)
        names = module_names.in_layer(site.tar, python)
        for name in module_names.hidden(app, ready.tree.entries, python, names):
            progress.say(f"        {name} is imported in place of the package of that name")
        installed = site.installed
        built = ready.lock.built
    if root:
        there = (*(tar for _, tar in tars), *below, root.tar)
        image_programs.check_found(app, ready.tree, path, there)
        held = [row[0] for row in (*root.packages, *packages)]
        for line in _lacks(app, base, ready, held, there):
            progress.say(f"warning: {line}")
    large = [entry for entry in ready.tree.entries if entry.size >= LARGE]
    small = [entry for entry in ready.tree.entries if entry.size < LARGE]
    if large:
        tars.append(("app-data.tar", _files("app-data", large, "")))
    about = json.dumps({"schema": "mediapipe-jetson/app/1", **app.as_json()}, indent=1) + "\n"
    tars.append((CODE, _files("app", small, about)))
    wheels.forget_unused()
    return AppLayers(tuple(tars), installed, packages, built)


def _lacks(
    app: App, base: Base, ready: Prepared, held: Sequence[str], layers: Sequence[Path]
) -> Iterator[str]:
    """Yield what the application needs and the image with these Debian packages has not."""
    if ready.lock:
        named = requirements_file.read(app.folder / app.requirements, app.folder).of
        yield from hints.of_loaded(ready.lock.pins, named, held)
    python = Python(base.python, base.arch)
    for name, place in imports.missing(app, ready.tree.entries, python, layers).items():
        elsewhere = imports.elsewhere(app, ready.tree.entries, name)
        cure = hints.of_module(name, base.python, elsewhere)
        if secret := tree.left_out_module(ready.tree, name, place.partition(", line ")[0]):
            cure = f"{secret} was left out, as it looks like a secret: {tree.included(secret)}"
        yield (
            f"{place}, imports {name}, which nothing of the image has, so that the "
            f"application ends there; {cure}"
        )


def _packages_secrets(app: App, resolved: Lock | None) -> Iterator[str]:
    """Yield what stays out of the packages that are built from folders of the application's."""
    for item in resolved.built if resolved else ():
        if item.source.kind == "folder" and not item.source.filename:
            yield from fetch.left_out(app.folder, item.source.origin, app.include)


def _contents(resolved: Lock) -> str:
    """Return what the layer of wheels follows from."""
    return "\n".join((resolved.text, *(item.sha256 for item in resolved.built)))


def _files(name: str, entries: Sequence[Entry], about: str) -> Path:
    """Return a layer of the application's files, and of what says what it is."""
    text = f"{FORMAT}\n{tree.digest(entries)}\n{about}"
    tar = cache_dir("layers") / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside:
            with LayerTar(aside) as layer:
                layer.folder(HOME)
                for entry in entries:
                    path = f"{HOME}/{entry.name}"
                    if entry.link:
                        layer.link(path, entry.link)
                    else:
                        layer.file(path, entry.source, 0o755 if entry.executable else 0o644)
                if about:
                    layer.data(ABOUT, about)
            tree.check_unchanged(entries)
    return tar
