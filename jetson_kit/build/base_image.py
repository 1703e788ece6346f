"""Base images other than our own: NVIDIA's, or any that the user names."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, DockerException, NotFound

from jetson_kit.containers import engine, owned
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files, uv
from jetson_kit.core.errors import BadInputError, ToolMissingError
from jetson_kit.core.paths import cache_dir

MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
PREFIX = "opt/python"
FOLDERS = ("usr/bin", "usr/local/bin")


@dataclass(frozen=True)
class Base:
    """Where an image's system and Python come from."""

    stage: str
    """Stage of docker/Dockerfile: debian, external or external-python."""
    reference: str
    interpreter: str
    """Absolute path of Python in the image."""
    tars: tuple[tuple[str, Path], ...]
    identity: str
    """What tells this base from any other: a digest or a cache key."""


def external(reference: str, platform: str, arch: str, python: str) -> Base:
    """Return the base that a registry or the local engine has under `reference`.

    Its own Python is used if it has `python` ("3.11"); else one comes from uv. Raises
    NetworkError, BadInputError or ToolMissingError.
    """
    image = engine.pull(reference, platform)
    if image.attrs["Architecture"] != arch:
        raise BadInputError(
            f"{reference} is for {image.attrs['Architecture']}, not {arch}",
            f"name an image that is built for {arch}",
        )
    if path := _interpreters(str(image.id), [python]).get(python):
        return Base("external", reference, path, (), str(image.id))
    tar = _standalone(python, arch)
    return Base(
        "external-python",
        reference,
        f"/{PREFIX}/bin/python{python}",
        (("python.tar", tar),),
        f"{image.id} {tar.name}",
    )


def python_of(reference: str, versions: Sequence[str], arch: str) -> str | None:
    """Return the first of `versions` that an image of the local engine has, "" where it has none.

    It is None where no engine answers, or has no such image for `arch`: nothing is pulled.
    """
    try:
        image = engine.image(reference)
        if image is None or image.attrs["Architecture"] != arch:
            return None
        there = _interpreters(str(image.id), versions)
    except (DockerException, ToolMissingError):
        return None
    return next((version for version in versions if version in there), "")


def fetched_python(reference: str, versions: Sequence[str], arch: str) -> str:
    """Return the same of an image that is pulled for it. Raises as engine.pull."""
    there = _interpreters(str(engine.pull(reference, f"linux/{arch}").id), versions)
    return next((version for version in versions if version in there), "")


def _interpreters(image_id: str, versions: Sequence[str]) -> dict[str, str]:
    """Return the paths of those Pythons that an image has, without starting anything of it."""
    result: dict[str, str] = {}
    container = engine.client().containers.create(image_id, command=["true"], labels=owned.labels())
    try:
        for version, folder in itertools.product(versions, FOLDERS):
            path = f"/{folder}/python{version}"
            with contextlib.suppress(NotFound, APIError):
                container.get_archive(path)
                result.setdefault(version, path)
    finally:
        container.remove()
    return result


def _standalone(python: str, arch: str) -> Path:
    """Return the tar of a relocatable Python, as uv provides it."""
    requested = f"cpython-{python}-linux-{MACHINES[arch]}-gnu"
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as scratch:
        uv.uv(
            ["python", "install", "--no-bin", "--install-dir", scratch, requested],
            what=f"fetching Python {python} for {arch}",
        )
        folder = next(
            path
            for path in Path(scratch).iterdir()
            if path.name.startswith("cpython-3") and path.is_dir() and not path.is_symlink()
        )
        tar = cache_dir("layers") / f"{folder.name}.tar"
        if not cached_files.intact(tar):
            with cached_files.create(tar) as aside, LayerTar(aside) as layer:
                layer.tree(PREFIX, folder)
    return tar
