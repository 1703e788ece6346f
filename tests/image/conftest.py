"""Each variant is built once a session, into a folder of its own, from the user's cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.kit import Image, Tree, inv, unpack


def build(factory: pytest.TempPathFactory, *arguments: str) -> Image:
    folder = factory.mktemp("dist") / "it"
    done = inv("build", "--json", "--output", str(folder), *arguments)
    assert done.returncode == 0, done.stderr
    return Image(json.loads(done.stdout), folder)


@pytest.fixture(scope="session")
def jetson(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the default Jetson image."""
    return build(tmp_path_factory, "--jetson")


@pytest.fixture(scope="session")
def old_jetson(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the image for boards with ARMv8.0 cores."""
    return build(tmp_path_factory, "--jetson", "--l4t", "r32")


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the image for this machine."""
    return build(tmp_path_factory)


@pytest.fixture(scope="session")
def native_emulated(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the image for this machine with Mesa's drivers."""
    return build(tmp_path_factory, "--variant", "emulated")


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Return the variant with Mesa's drivers, not started yet."""
    return build(tmp_path_factory, "--jetson", "--variant", "emulated", "--no-start")


@pytest.fixture(scope="session")
def files(jetson: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """Return the files of the default Jetson image."""
    folder = tmp_path_factory.mktemp("files")
    yield unpack(jetson, folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is removed at once: caches are large."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)
