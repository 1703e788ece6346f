"""Packages without a wheel: which are built, and the message on those that can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import requirements_file, settings
from jetson_kit.app.source import fetch
from jetson_kit.app.source.model import Built, Source, Target
from jetson_kit.app.source.wheels import Builds
from jetson_kit.app.source_packages import SourcePackages
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.uv import NoSolutionError

TARGET = Target("bookworm", "arm64", "3.11", "manylinux_2_36", None)
GI = Source("pygobject", "3.42.2", "index", filename="PyGObject-3.42.2.tar.gz", sha256="0" * 64)
FAILS = StepFailedError("pygobject 3.42.2 does not build: no gi", "put its wheel into wheels/")


def add(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    toml: str,
    known: tuple[Source, ...] = (),
    error: StepFailedError | None = None,
) -> SourcePackages:
    """Have pygobject built in vain, or as `error` says."""
    (folder / "app.py").touch()
    (folder / "requirements.txt").write_text("pygobject==3.42.2\n")
    (folder / "jetson.toml").write_text(toml)
    requirements = requirements_file.read(folder / "requirements.txt", folder)

    def build(_: Builds, source: Source) -> Built:
        if error:
            raise error
        return Built(source, folder / "it.whl", "1" * 64, pure=False)

    monkeypatch.setattr(Builds, "build", build)
    monkeypatch.setattr(fetch, "of_index", lambda *_: GI)
    packages = SourcePackages(Builds(settings.load(folder), TARGET), known, requirements, folder)
    no_solution = NoSolutionError("no solution: pygobject==3.42.2 has no wheels")
    no_solution.source_only = ("pygobject",)
    assert packages.add(no_solution)
    return packages


def test_one_that_a_plain_build_does_not_make_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInputError, match=r"pygobject has no wheel for the image") as raised:
        add(tmp_path, monkeypatch, "")
    assert raised.value.cure.startswith("it is in images with a camera")


@pytest.mark.parametrize(
    "toml",
    [
        '[build]\ndebian = ["libgirepository1.0-dev"]\n',
        '[build]\nrequires = ["pycairo"]\n',
        '[build]\nconstraints = ["meson<2"]\n',
    ],
)
def test_one_is_built_with_what_jetson_toml_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str
) -> None:
    assert [item.source for item in add(tmp_path, monkeypatch, toml).built] == [GI]
    with pytest.raises(StepFailedError, match="does not build: no gi") as raised:
        add(tmp_path, monkeypatch, toml, error=FAILS)
    assert raised.value.cure.startswith("put its wheel into wheels/; it is in images with a camera")


def test_one_that_a_lock_has_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [item.source for item in add(tmp_path, monkeypatch, "", (GI,)).built] == [GI]
