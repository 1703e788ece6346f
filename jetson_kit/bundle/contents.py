"""What a bundle holds: a site for each Python, models, and libraries that a machine may lack."""

from __future__ import annotations

import io
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from packaging.utils import parse_wheel_filename

from jetson_kit.bundle import packages, payload
from jetson_kit.bundle.payload import Member
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import deb_file
from jetson_kit.models import bundles as models
from jetson_kit.wheels import device_wheel, recipes, repack, site_prune
from jetson_kit.wheels import pins as wheels

TABLE = Path(__file__).with_name("bundle.toml")


@dataclass(frozen=True)
class Recipe:
    """bundle.toml: Pythons ("3.11"), the newest C library of a wheel, and Debian's libraries."""

    pythons: tuple[str, ...]
    glibc: tuple[int, int]
    suite: str
    packages: tuple[str, ...]
    files: tuple[str, ...]


def recipe(table: Path = TABLE) -> Recipe:
    """Read bundle.toml."""
    data = tomllib.loads(table.read_text(encoding="utf-8"))
    libraries = data["libraries"]
    return Recipe(
        tuple(data["pythons"]),
        (data["glibc"][0], data["glibc"][1]),
        libraries["suite"],
        tuple(libraries["packages"]),
        tuple(libraries["files"]),
    )


def mediapipe(arch: str) -> wheels.Pin:
    """Return the MediaPipe of a bundle: the newest with GPU code for any Python."""
    return next(
        pin
        for pin in wheels.pins()
        if pin.arch == arch and pin.python_tag == "py3" and wheels.classes()[pin.wheel_class].gpu
    )


def common(arch: str, bundle_recipe: Recipe, pin: wheels.Pin) -> Iterator[Member]:
    """Yield the files that every Python of an architecture shares.

    MediaPipe's library is the official one whole, as its publisher compressed it. Raises as
    wheels.fetch, device_wheel.build_platform, models.fetch and debian.fetch.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="bundle-") as name:
        folder = Path(name)
        yield from payload.of_wheel(device_wheel.build_platform(folder, arch), "site/")
        whole = replace(recipes.recipe_for(pin.version), strips=())
        official = wheels.fetch(pin)
        yield from payload.of_wheel(repack.repack(official, pin, whole, folder), "site/")
    for path in sorted(models.fetch()):
        yield payload.of_bytes(f"models/{path.name}", path.read_bytes())
    yield from libraries(arch, bundle_recipe)


def site(python: str, arch: str, bundle_recipe: Recipe) -> Iterator[tuple[str, Iterator[Member]]]:
    """Yield the wheels of one Python: each one's name, and its files.

    What images leave out of a package is left out here, too.
    """
    for wheel in packages.wheels(python, arch, bundle_recipe.glibc):
        yield wheel.name, _pruned(wheel)


def _pruned(wheel: Path) -> Iterator[Member]:
    rules = site_prune.rules().of(parse_wheel_filename(wheel.name)[0]).leave_out
    for member in payload.of_wheel(wheel, "site/"):
        name = member.path.removeprefix("site/")
        if not any(rule.takes(name) for rule in rules):
            yield member


def libraries(arch: str, bundle_recipe: Recipe) -> Iterator[Member]:
    """Yield Debian's libraries and their licences. Raises IntegrityError where one is not there."""
    folder = cache_dir("apt", f"bundle-{bundle_recipe.suite}-{arch}")
    debs = debian.fetch(bundle_recipe.packages, suite=bundle_recipe.suite, arch=arch, folder=folder)
    missing = set(bundle_recipe.files)
    for deb in (item for item in debs if item.name in bundle_recipe.packages):
        with tarfile.open(fileobj=io.BytesIO(deb_file.files_tar(deb))) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if path.name in missing and (member.issym() or member.isreg()):
                    missing.discard(path.name)
                    yield payload.of_bytes(f"lib/{path.name}", _content(archive, member))
                elif path.name == "copyright" and member.isreg():
                    licence = f"lib/licences/{path.parent.name}"
                    yield payload.of_bytes(licence, _content(archive, member))
    if missing:
        raise IntegrityError(
            f"Debian {bundle_recipe.suite} has no {', '.join(sorted(missing))}",
            "correct bundle.toml",
        )


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return a file's bytes; a link's are those of what it points to."""
    stream = archive.extractfile(member)
    if stream is None:
        raise IntegrityError(f"{member.name} is no file")
    return stream.read()
