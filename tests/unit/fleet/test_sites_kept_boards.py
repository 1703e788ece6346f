"""Cached inventories: damaged, forged, another's, and of inventories gone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.ansible_driver import inventory
from jetson_kit.core.errors import KitError
from jetson_kit.fleet.sites import known_boards
from tests.unit.fleet.inventory_reads import PUBLIC, TEXT, Reads, noting


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, inventory.Inventory | KitError]:
    """What Ansible makes of each text; it takes its time."""
    result = {}
    for text in (TEXT, PUBLIC):
        path = tmp_path_factory.mktemp("boards") / "berlin.yml"
        path.write_text(text)
        result[text] = inventory.read_each([path])[path]
    return result


@pytest.fixture
def reads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: dict[str, inventory.Inventory | KitError],
) -> Iterator[Reads]:
    yield from noting(
        tmp_path, monkeypatch, lambda paths: {path: read[path.read_text()] for path in paths}
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "berlin.yml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '{"key": 1}', "\x00", "\u00e9", '{"key": ["KEY"]}'),
        *("[" * 100_000, '{"key": "KEY"}'),
        *(
            f'{{"key": "KEY", "boards": {boards}}}'
            for boards in (
                *("1", "[]", '"ab"', '{"ab": 1}', '["ab"]', "[[]]", '[{"x": ["the board x"]}]'),
                *('[["x", []]]', '[["x", "the board x"]]', '[["x", ["the board y"]]]'),
                *('[["x", ["the board x", 1]]]', '[["x", ["the board x", []]]]'),
                *('[["x", ["the board x"], 1]]', '[[["x"], ["the board x"]]]'),
                *('[["", ["the board "]]]', '[["x\\u001b", ["the board x\\u001b"]]]'),
                *('[["x", ["the board x", "y\\n"]]]', '[["x", ["the board x"]], ["y", []]]'),
                "[" * 100_000,
            )
        ),
    ],
)
def test_a_damaged_file_of_what_was_kept_is_made_anew(
    reads: Reads, place: Path, tmp_path: Path, text: str
) -> None:
    reads.boards(place)
    (cached,) = (tmp_path / "cache").rglob("boards-*.json")
    whole = cached.read_text()
    cached.write_text(text.replace("KEY", known_boards._key(place)))
    assert reads.boards(place) == ["b1", "b2"]
    assert cached.read_text() == whole
    assert reads == [place, place]


@pytest.mark.parametrize("mode", [0o602, 0o620])
def test_a_file_that_others_can_write_counts_for_nothing(
    reads: Reads, place: Path, tmp_path: Path, mode: int
) -> None:
    reads.boards(place)
    (cached,) = (tmp_path / "cache").rglob("boards-*.json")
    assert stat.S_IMODE(cached.stat().st_mode) == 0o600
    cached.chmod(mode)
    reads.boards(place)
    assert reads == [place, place]
    assert stat.S_IMODE(cached.stat().st_mode) == 0o600


def test_a_file_of_another_user_counts_for_nothing(
    reads: Reads, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads.boards(place)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    reads.boards(place)
    assert reads == [place, place]


def test_a_named_pipe_in_its_place_is_not_waited_for(
    reads: Reads, place: Path, tmp_path: Path
) -> None:
    reads.boards(place)
    (cached,) = (tmp_path / "cache").rglob("boards-*.json")
    cached.unlink()
    os.mkfifo(cached, 0o600)
    assert reads.boards(place) == reads.boards(place) == ["b1", "b2"]
    assert reads == [place, place]


def test_what_was_kept_of_inventories_that_are_gone_goes(
    reads: Reads, place: Path, tmp_path: Path
) -> None:
    other = place.with_name("paris.yml")
    other.write_text(TEXT)
    reads.boards(place)
    reads.boards(other)
    first, second = (tmp_path / "cache").rglob("boards-*.json")
    for path in (first, second):
        os.utime(path, (1, 1))
    other.unlink()
    place.write_text(PUBLIC)
    reads.boards(place)
    (left,) = (tmp_path / "cache").rglob("boards-*.json")
    assert json.loads(left.read_text())["boards"][0][0] == "b1"
    assert left.stat().st_mtime > 1
