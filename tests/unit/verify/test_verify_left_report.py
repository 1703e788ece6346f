"""A report that a container left: read within bounds, whatever it put there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from jetson_kit.service import expectation
from tests.device import board as boards
from tests.device.board import Board, Host


class Here:
    """A host whose container is this machine."""

    def __init__(self, folder: Path) -> None:
        (folder / "docker").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
        (folder / "docker").chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"

    def run(self, command: str) -> Any:
        """Run it, as testinfra does."""
        done = subprocess.run(
            ["sh", "-c", command], env={"PATH": self.path}, capture_output=True, text=True,
            errors="replace", check=False, timeout=20,
        )  # fmt: skip
        return type("Ran", (), {"rc": done.returncode, "stdout": done.stdout, "stderr": ""})


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(boards, "LARGEST", 1000)
    result = Board(cast(Host, Here(tmp_path)), expectation.parse("one", {}))
    result.__dict__["inspect"] = {"Id": "c"}
    return result


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 << 30)


LEFT: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
    "nothing": lambda path: None,
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("make", LEFT.values(), ids=LEFT)
def test_what_is_no_file_is_none(
    board: Board, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "report")
    began = time.monotonic()
    assert board.left(str(tmp_path / "report")) == ""
    assert time.monotonic() - began < 10


def test_a_file_without_an_end_is_cut(board: Board, tmp_path: Path) -> None:
    sparse(tmp_path / "report")
    assert len(board.left(str(tmp_path / "report"))) == 1000
    (tmp_path / "report").unlink()
    (tmp_path / "report").write_text("{}")
    assert board.left(str(tmp_path / "report")) == "{}"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "5", "[" * 100_000, '{"a": NaN}', '{"a": 1, "a": 2}', json.dumps({"tasks": []}),
     "\x00" * 1000, '{"a": "\udce9"}'],
)  # fmt: skip
def test_what_is_no_report_is_one_line(text: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="the report does not fit its schema"):
        boards.checked(text)
