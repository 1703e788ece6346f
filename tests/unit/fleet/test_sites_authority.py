"""The authority's parts: none is made over, and what is lost or damaged is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.fleet.sites import authority

PARTS = ("ca.key", "ca.crt", "work.key")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"\xff" * 300)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("harm", [lose, cut, empty, overwrite])
def test_a_part_that_is_lost_or_damaged_is_named_and_the_others_stay(
    tmp_path: Path, part: str, harm: Callable[[Path], None]
) -> None:
    folder = authority.ensure(tmp_path / "a").folder
    harm(folder / part)
    before = files(folder)
    with pytest.raises(IntegrityError, match=rf"{part} is (missing|damaged)") as caught:
        authority.ensure(folder)
    assert "backup" in caught.value.cure
    assert "every site join again" in caught.value.cure
    assert files(folder) == before


def test_a_certificate_of_another_key_is_noticed(tmp_path: Path) -> None:
    folder = authority.ensure(tmp_path / "a").folder
    other = authority.ensure(tmp_path / "b")
    (folder / "ca.key").write_bytes(other.key.read_bytes())
    with pytest.raises(IntegrityError, match=r"ca\.crt is not of ca\.key"):
        authority.ensure(folder)


@pytest.mark.parametrize("harm", [lose, cut, empty, overwrite])
def test_the_public_half_is_made_again_from_the_key(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    folder = authority.ensure(tmp_path / "a").folder
    before = files(folder)
    harm(folder / "work.pub")
    authority.ensure(folder)
    assert files(folder) == before


def test_only_the_public_half_is_left(tmp_path: Path) -> None:
    folder = authority.ensure(tmp_path / "a").folder
    for part in PARTS:
        (folder / part).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        authority.ensure(folder)


@pytest.fixture
def node(tmp_path: Path) -> tuple[authority.Authority, Path, Path]:
    by = authority.ensure(tmp_path / "a")
    own, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    own.write_bytes(authority.issue(by, authority.request(key, "c"), "c", ("c.example.org",)))
    return by, own, key


def test_a_node_certificate_holds(node: tuple[authority.Authority, Path, Path]) -> None:
    assert authority.holds(*node, 30)
    assert not authority.holds(*node, authority.VALID_DAYS + 1)


def test_a_node_certificate_of_another_authority_does_not_hold(
    tmp_path: Path, node: tuple[authority.Authority, Path, Path]
) -> None:
    assert not authority.holds(authority.ensure(tmp_path / "b"), *node[1:], 30)


@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("harm", [lose, cut, empty, overwrite])
def test_a_damaged_node_certificate_does_not_hold(
    node: tuple[authority.Authority, Path, Path], which: int, harm: Callable[[Path], None]
) -> None:
    path = node[which]
    assert isinstance(path, Path)
    harm(path)
    assert not authority.holds(*node, 30)


def test_a_node_certificate_of_another_key_does_not_hold(
    node: tuple[authority.Authority, Path, Path],
) -> None:
    authority.request(node[2], "c")
    assert not authority.holds(*node, 30)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "notes").write_text("mine")
    with pytest.raises(BadInputError, match="can't take a new authority"):
        authority.ensure(folder)
    assert files(folder) == {"notes": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_to_an_empty_folder_takes_an_authority(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "a").symlink_to(tmp_path / "disk")
    authority.ensure(tmp_path / "a")
    assert set(files(tmp_path / "disk")) == {*PARTS, "work.pub"}
    assert (tmp_path / "a").is_symlink()
