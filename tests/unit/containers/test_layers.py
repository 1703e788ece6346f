"""Layer tars: the same bytes whatever the disk says, parents, modes, nothing twice."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from jetson_kit.containers.layers import EPOCH, LayerTar


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        result = archive.getmembers()
    assert len({info.name for info in result}) == len(result), "a path stands in it twice"
    return {info.name: info for info in result}


def source(folder: Path, when: int, order: list[str]) -> Path:
    folder.mkdir()
    for name in order:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    (folder / "run").chmod(0o700)
    (folder / "plain").chmod(0o600)
    (folder / "to").symlink_to("plain")
    for path in folder.rglob("*"):
        os.utime(path, (when, when), follow_symlinks=False)
    return folder


def test_same_tree_same_bytes(tmp_path: Path) -> None:
    names = ["plain", "run", "below/z", "below/a", "ü"]
    first = source(tmp_path / "one", 1, names)
    second = source(tmp_path / "two", 1_900_000_000, names[::-1])
    for tar, tree in (("1.tar", first), ("2.tar", second)):
        with LayerTar(tmp_path / tar) as layer:
            layer.tree("opt/x", tree)
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_tree_keeps_links_and_only_the_executable_bit(tmp_path: Path) -> None:
    tree = source(tmp_path / "one", 1, ["plain", "run", "below/z"])
    with LayerTar(tmp_path / "1.tar") as layer:
        layer.tree("opt/x", tree)
    result = members(tmp_path / "1.tar")
    assert list(result) == [
        *("opt", "opt/x", "opt/x/below", "opt/x/below/z"),
        *("opt/x/plain", "opt/x/run", "opt/x/to"),
    ]
    assert result["opt/x/run"].mode == 0o755
    assert result["opt/x/plain"].mode == 0o644
    assert result["opt/x/to"].issym()
    assert result["opt/x/to"].linkname == "plain"
    assert {info.mtime for info in result.values()} == {EPOCH}
    assert {(info.uid, info.gid, info.uname, info.gname) for info in result.values()} == {
        (0, 0, "", "")
    }


def test_missing_parents_are_made_once_and_the_first_entry_stays(tmp_path: Path) -> None:
    with LayerTar(tmp_path / "1.tar") as layer:
        layer.folder("/var/tmp/", 0o1777)
        layer.data("var/tmp/a/b", "1")
        layer.data("var/tmp/a/b", "2")
        layer.folder("var", 0o700)
        assert "var/tmp/a" in layer
        assert "var/tmp/c" not in layer
    result = members(tmp_path / "1.tar")
    assert list(result) == ["var", "var/tmp", "var/tmp/a", "var/tmp/a/b"]
    assert result["var"].mode == 0o755
    assert result["var/tmp"].mode == 0o1777
    with tarfile.open(tmp_path / "1.tar") as archive:
        stream = archive.extractfile("var/tmp/a/b")
        assert stream is not None
        assert stream.read() == b"1"


def test_member_of_another_tar_loses_its_time_and_names(tmp_path: Path) -> None:
    info = tarfile.TarInfo("home/x")
    info.type, info.mode, info.uid, info.uname, info.mtime = tarfile.DIRTYPE, 0o750, 7, "you", 99
    with LayerTar(tmp_path / "1.tar") as layer:
        layer.member(info, None)
    member = members(tmp_path / "1.tar")["home/x"]
    assert (member.mode, member.uid, member.uname, member.mtime) == (0o750, 7, "", EPOCH)


def test_a_failure_inside_leaves_an_open_file_to_nobody(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), LayerTar(tmp_path / "1.tar") as layer:
        layer.file("a", tmp_path / "absent")
    (tmp_path / "1.tar").unlink()
