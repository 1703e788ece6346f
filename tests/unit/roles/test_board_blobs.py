"""Layers that lie on a board from a transfer that was cut: what of them still counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit import board_program
from tests.unit.board_program import Program

RAW = b"layer" * 1000


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    yield from board_program.imported(tmp_path / "board", monkeypatch)


@pytest.mark.parametrize("name", ["", ".part"])
@pytest.mark.parametrize(
    ("came", "stays"),
    [(RAW, True), (bytes(len(RAW)), False), (RAW[:-1], True), (RAW + b"x", False), (b"", True)],
)
def test_what_has_its_length_alone_goes(
    program: Program, name: str, came: bytes, stays: bool
) -> None:
    digest = hashlib.sha256(RAW).hexdigest()
    layer: Any = program.release.Layer(f"sha256:{digest}", f"sha256:{digest}", len(RAW), len(RAW))
    path: Path = program.disk.BLOBS / f"{digest}{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(came)
    assert program.blobs.drop_damaged([layer]) is not stays
    assert path.exists() is stays
