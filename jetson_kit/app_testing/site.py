"""What an application's tests run with: an environment of this machine, a folder for its image."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jetson_kit.app import lock, requirements_file
from jetson_kit.app.base_packages import BasePackages
from jetson_kit.app.layers import Base
from jetson_kit.app.lock import Lock
from jetson_kit.app.settings import App
from jetson_kit.app.source.model import MACHINES
from jetson_kit.build.plan import BuildPlan
from jetson_kit.core import cached_files, uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import locked, sha256_file, write_text
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.emulation import cores as emulation
from jetson_kit.models import legacy
from jetson_kit.wheels import litert, repack
from jetson_kit.wheels import pins as wheels

LOCK = ROOT / "requirements" / "app-test.txt"
DONE = "complete"


def environment(app: App, image: BuildPlan) -> Path:
    """Return the Python of an environment with what the image has, for this machine.

    It follows the image's versions and the application's lock. Raises BadInputError where this
    machine lacks the image's Python or a package, NetworkError.
    """
    interpreter = _interpreter(image.python)
    arch = host_arch()
    pin = wheels.select(arch, image.python, image.pin.version)
    own = wheels.lock_for(pin.wheel_class, arch, image.python)
    runtime = litert.lock_for(arch, image.python)
    official = repack.build(pin, cache_dir("wheels"))
    builds = _base(image).builds(app)
    here = replace(builds, target=replace(builds.target, arch=arch, core=None))
    extra = [lock.for_machine(item, here) for item in _locks(app, image)]
    key = _key(
        *map(sha256_file, (own, runtime, LOCK, legacy.HOOK)),
        *(official.name, *(item.text for item in extra)),
    )
    folder = cache_dir("app-venv") / f"py{image.python}-{key}"
    with locked(cache_dir("locks") / f"app-venv-{folder.name}.lock", lambda: None):
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv.uv(["venv", "--quiet", "--python", interpreter, folder], what="making a venv")
            python = folder / "bin" / "python"
            for path in (own, LOCK):
                uv.install(python, "--require-hashes", "--requirement", path)
            # As in an image: without what LiteRT asks for beyond this lock.
            uv.install(python, "--no-deps", "--require-hashes", "--requirement", runtime)
            uv.install(python, "--no-deps", official)
            for each in extra:
                _install(each, "--python", python)
            # As in an image: programs of mp.solutions run there.
            shutil.copy(legacy.HOOK, folder / "lib" / f"python{image.python}" / "site-packages")
            write_text(folder / DONE, key)
    cached_files.used(folder / DONE)
    return folder / "bin" / "python"


def for_image(app: App, image: BuildPlan) -> Path:
    """Return a folder with pytest and the tests' own requirements for the image's Python."""
    machine = MACHINES[image.arch]
    extra = _locks(app, image)[1:]
    key = _key(sha256_file(LOCK), image.python, machine, *(item.text for item in extra))
    folder = cache_dir("app-test-site") / key
    platform = extra[0].platform if extra else f"{machine}-manylinux_2_28"
    options = (
        *("--python", sys.executable, "--python-version", image.python),
        *("--python-platform", platform, "--target", folder),
    )
    with locked(cache_dir("locks") / f"app-test-site-{key}.lock", lambda: None):
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            tests = Lock(LOCK.read_text(encoding="utf-8"), (), platform, fresh=False)
            for package_lock in (tests, *extra):
                _install(package_lock, *options)
            write_text(folder / DONE, key)
    return folder


def _locks(app: App, image: BuildPlan) -> list[Lock]:
    """Return the application's lock, and that of its tests' requirements."""
    base = _base(image)
    held: BasePackages = base.held()
    own = Lock("", (), f"{MACHINES[image.arch]}-{held.manylinux}", fresh=False)
    if app.requirements:
        own = lock.make(app, held, image.arch, image.python, builds=base.builds(app))
    if not app.tests.requirements:
        return [own]
    beside = replace(held, pins=(*held.pins, *own.pins))
    file = app.tests.requirements
    builds = base.builds(app)
    return [own, lock.make(app, beside, image.arch, image.python, file=file, builds=builds)]


def _base(image: BuildPlan) -> Base:
    core = emulation.oldest(soc.id for soc in image.socs) if image.target else None
    return Base(
        image.lock, image.jetson_version, image.arch, image.python, image.suite, image.variant, core
    )


def _install(package_lock: Lock, *options: str | Path) -> None:
    if not package_lock.pins:
        return
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-test-") as scratch:
        listed = Path(scratch, "lock.txt")
        listed.touch(0o600)
        listed.write_text(package_lock.installable, encoding="utf-8")
        command: Sequence[str | Path] = (
            *"pip install --quiet --no-deps --require-hashes --only-binary :all:".split(),
            *("-r", listed, *options),
        )
        with requirements_file.asking(package_lock.unset):
            uv.uv(command, what="installing the application's packages")


def _interpreter(python: str) -> str:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == python:
        return sys.executable
    program = shutil.which(f"python{python}")
    if not program:
        raise BadInputError(f"this machine has no Python {python}", "install it")
    return program


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
