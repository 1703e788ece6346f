"""The output folder: whole or old, whenever a build is killed; what is not ours stays."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from jetson_kit.build import dockerfile_build, image_write, images
from jetson_kit.build import plan as planning
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.containers.oci import Blob
from jetson_kit.core import output_folder
from jetson_kit.core.errors import BadInputError, DiskFullError
from jetson_kit.core.progress import Progress


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def build(output: Path, text: str) -> None:
    """Do what a build does to the folder."""
    output_folder.check(output)
    output_folder.recover(output)
    with output_folder.replaced(output) as folder:
        (folder / output_folder.MANIFEST).write_text(text)


def test_publish_replaces_all_of_the_old(tmp_path: Path) -> None:
    output = tmp_path / "dist" / "it"
    build(output, "1")
    (output / "stale").write_text("x")
    build(output, "2")
    assert tree(tmp_path / "dist") == {"it/manifest.json": "2"}


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("after", range(4))
def test_killed_at_any_rename_the_next_build_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    output = tmp_path / "dist" / "it"
    build(output, "1")
    left = [after]
    real_rename, real_rmtree = Path.rename, shutil.rmtree

    def counted() -> None:
        if left[0] == 0:
            raise KilledError
        left[0] -= 1

    def rename(self: Path, to: Path) -> Path:
        counted()
        return real_rename(self, to)

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if path.name.endswith(".old"):
            counted()
        real_rmtree(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(shutil, "rmtree", rmtree)
        with pytest.raises(KilledError):
            build(output, "2")
    output_folder.check(output)
    output_folder.recover(output)
    assert tree(output)[output_folder.MANIFEST] in ("1", "2")
    build(output, "3")
    assert tree(tmp_path / "dist") == {"it/manifest.json": "3"}


def test_killed_while_writing_the_old_stays(tmp_path: Path) -> None:
    output = tmp_path / "dist" / "it"
    build(output, "1")
    with pytest.raises(KilledError), output_folder.replaced(output) as folder:
        (folder / "half").write_text("x")
        raise KilledError
    assert tree(output) == {"manifest.json": "1"}
    build(output, "2")
    assert tree(tmp_path / "dist") == {"it/manifest.json": "2"}


def test_folders_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("x")
    with pytest.raises(BadInputError, match="no build wrote"):
        build(tmp_path / "home", "1")
    with pytest.raises(BadInputError, match="not a folder"):
        build(tmp_path / "home" / "thesis.txt", "1")
    assert tree(tmp_path) == {"home/thesis.txt": "x"}
    (tmp_path / "empty").mkdir()
    build(tmp_path / "empty", "1")
    assert tree(tmp_path / "empty") == {"manifest.json": "1"}


def test_the_top_of_a_file_system_is_refused() -> None:
    with pytest.raises(BadInputError, match="the top of a file system"):
        output_folder.check(Path("/proc"))


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "link").symlink_to("large")
    plan = planning.make(Request(output=str(tmp_path / "link")))
    assert plan.output == tmp_path / "large"


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("need", "free", "fits"), [
    (None, 99 << 20, False), (None, 100 << 20, True),
    (300 << 20, (300 << 20) - 1, False), (300 << 20, 300 << 20, True),
])  # fmt: skip
def test_room_for_an_image_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, need: int | None, free: int, *, fits: bool
) -> None:
    """What the image before took says nothing of what the new one needs."""
    output = tmp_path / "it"
    output.mkdir()
    (output / "manifest.json").write_text(json.dumps({"archive": {"size": 400 << 20}}))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, free))
    needs = () if need is None else (need,)
    if fits:
        output_folder.check_room(output, *needs)
        return
    with pytest.raises(DiskFullError) as caught:
        output_folder.check_room(output, *needs)
    assert f"no space left for {output} ({free >> 20} MiB free)" in caught.value.message
    assert f"about {(need or 100 << 20) >> 20} MiB are needed" in str(caught.value)


def test_without_room_no_build_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 1 << 20))
    monkeypatch.setattr(engine, "client", lambda: pytest.fail("the engine was asked"))
    plan = planning.make(Request(output=str(tmp_path / "it")))
    with pytest.raises(DiskFullError, match="no space left for"):
        images.build(plan, Progress(quiet=True))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_begun_where_its_layers_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planning.make(Request(output=str(tmp_path / "it")))
    blobs = [Blob("sha256:a", tmp_path / "none", "sha256:b", 200 << 20)] * 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 399 << 20))
    with pytest.raises(DiskFullError, match=r"about 400 MiB are needed"):
        image_write._archive(plan, b"{}", blobs, tmp_path, Progress(quiet=True))
    assert list(tmp_path.iterdir()) == []


def test_context_holds_exactly_the_parts(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "stale.tar").write_text("x")
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    dockerfile_build.link_parts(context, [("1.tar", tmp_path / "a")])
    dockerfile_build.link_parts(context, [("1.tar", tmp_path / "b"), ("2.tar", tmp_path / "a")])
    assert tree(context) == {"1.tar": "b", "2.tar": "a"}
    assert (context / "1.tar").samefile(tmp_path / "b")
