"""A board's program, a board that judges releases, and releases that are signed for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.fleet.release import signers, signing
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.unit.bare_board import Board
from tests.unit.board_program import Program, imported
from tests.unit.roles.signed_board import Make


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    """Return two releases of different images, unsigned."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        return {name: build(folder / name, name, bulk=100, runnable=False) for name in ("a", "b")}


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    return Board(tmp_path)


@pytest.fixture
def make(board: Board, base: dict[str, Release], tmp_path: Path) -> Make:
    """Return what makes a release that says other things, signed by these keys."""

    def made(image: str = "a", /, *, keys: tuple[Path, ...] = (), **says: Any) -> Release:
        folder = tmp_path / f"release-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        shutil.copy(base[image].path, folder)
        body = json.loads((folder / "release.json").read_text()) | says
        (folder / "release.json").write_text(json.dumps(body))
        signers.attach(folder)
        for path in keys or (board.key,):
            signing.sign(folder / "release.json", path)
        return dataclasses.replace(base[image], folder=folder)

    return made


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Return the board's program, on a file system of its own."""
    yield from imported(tmp_path / "root", monkeypatch)
