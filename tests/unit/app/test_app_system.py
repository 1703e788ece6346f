"""The layer of an application's Debian packages, of packages that are there already."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import settings, system
from jetson_kit.app.settings import App
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt, bytecode
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.lock import Lock, Row
from jetson_kit.debian.rootfs import Rootfs
from tests.unit import tiny_deb
from tests.unit.this_python import VERSION, ThisPython

pytestmark = tiny_deb.needs_dpkg
GI = "usr/lib/python3/dist-packages/gi"
FILES = {
    f"{GI}/__init__.py": "VALUE = 1\n",
    f"{GI}/tests/test_gi.py": "VALUE = 2\n",
    "usr/share/gi/example.py": "VALUE = 3\n",
    "usr/lib/aarch64-linux-gnu/libgi.so.1": "",
}
TAG = f"cpython-{VERSION.replace('.', '')}"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """Return an application that wants a package, which is locked and in the cache."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "app.py").touch()
    (folder / "jetson.toml").write_text('[debian]\npackages = ["python3-gi"]\n')
    deb = tiny_deb.make(tmp_path, "python3-gi", FILES)
    place = apt.archives(cache_dir("apt", "bookworm-arm64"))
    place.mkdir(parents=True)
    deb.path.rename(place / deb.path.name)
    path = f"pool/{deb.path.name}"
    row = Row(deb.name, deb.version, deb.architecture, "main", path, deb.sha256)
    lock = Lock(("python3-gi", "image=key"), (row,))
    write_text(folder / "debian-bookworm-arm64.jetson.lock", debian_lock.to_json(lock))
    return settings.load(folder)


def base(folder: Path, variant: str = "runtime") -> Rootfs:
    """Return a root file system that has no more than dpkg's status."""
    tar = folder / "root.tar"
    with LayerTar(tar) as layer:
        layer.data(system.STATUS, "")
    return Rootfs(tar, "key", "bookworm", "arm64", variant, (), locked=True)


def names(layer: system.SystemLayer | None) -> set[str]:
    """Return the paths in a layer."""
    assert layer is not None
    with tarfile.open(layer.tar) as archive:
        return set(archive.getnames())


@pytest.fixture
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this Python stand for the image's."""
    here = bytecode.Compiler(ThisPython("bookworm", VERSION, "1"))
    monkeypatch.setattr(bytecode, "of", lambda *_: here)


@pytest.mark.usefixtures("_here")
def test_modules_of_its_packages_are_compiled(app: App, tmp_path: Path) -> None:
    members = names(system.make(app, base(tmp_path)))
    assert set(FILES) <= members
    compiled = {name for name in members if name.endswith(".pyc")}
    assert compiled == {f"{GI}/__pycache__/__init__.{TAG}.pyc"}


@pytest.mark.usefixtures("_here")
def test_programs_find_the_libraries_of_its_packages_and_of_the_image(
    app: App, tmp_path: Path
) -> None:
    root = base(tmp_path)
    with LayerTar(root.tar) as layer:
        layer.data(system.STATUS, "")
        layer.data("usr/lib/aarch64-linux-gnu/libz.so.1", "")
    result = system.make(app, root)
    assert result is not None
    with tarfile.open(result.tar) as archive:
        stream = archive.extractfile("etc/ld.so.cache")
        assert stream is not None
        assert b"\0libgi.so.1\0" in (text := stream.read())
    assert b"libz.so.1\0/usr/lib/aarch64-linux-gnu/libz.so.1\0" in text


@pytest.mark.usefixtures("_here")
def test_what_the_builder_has_is_not_compiled(app: App, tmp_path: Path) -> None:
    members = names(system.make(app, base(tmp_path, "build")))
    assert not [name for name in members if name.endswith(".pyc")]


def test_another_compiler_makes_another_layer(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = []
    for package in ("1", "2", "1"):
        here = bytecode.Compiler(ThisPython("bookworm", VERSION, package))
        monkeypatch.setattr(bytecode, "of", lambda *_, here=here: here)
        layers.append(system.make(app, base(tmp_path)))
    first, second, third = (layer.tar for layer in layers if layer)
    assert first == third != second


@pytest.mark.parametrize(
    ("says", "named"),
    [
        ("Unable to locate package ros-x", "ros-x"),
        ("Package 'cuda' has no installation candidate", "cuda"),
        ("a Depends: b but it is not installable", "cuda, python3-gi, ros-x"),
    ],
)
def test_the_package_that_debian_lacks_is_named_alone(
    app: App, monkeypatch: pytest.MonkeyPatch, says: str, named: str
) -> None:
    def resolve(*_: object, **__: object) -> str:
        raise StepFailedError(f"resolving failed: {says}")

    monkeypatch.setattr(apt, "resolve", resolve)
    changed = replace(app, debian=("cuda", "python3-gi", "ros-x"))
    with pytest.raises(BadInputError, match=rf"Debian bookworm can't give {named}: resolving"):
        system.make(changed, base(app.folder))
