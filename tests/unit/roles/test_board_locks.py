"""Whatever stands where the board's lock is to be gives way, and keeps nobody out."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.board_program import Program


def a_socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as connection:
        connection.bind(path.name)


LOCKS: dict[str, Callable[[Path], object]] = {
    "a FIFO": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("/nonexistent/x"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a file": lambda path: path.symlink_to("/etc/hostname"),
    "a socket": a_socket,
}


@pytest.mark.parametrize("kind", LOCKS.values(), ids=LOCKS)
def test_whatever_stands_in_a_lock_s_place_gives_way(
    program: Program, kind: Callable[[Path], object]
) -> None:
    program.disk.make_folder(program.disk.RUN)
    place = program.disk.RUN / "state.lock"
    kind(place)
    with program.disk.locked("state"):
        assert place.is_file() and not place.is_symlink()
        with pytest.raises(program.errors.BusyError), program.disk.locked("state"):
            pass
    with program.disk.locked("state"):
        pass


def test_a_lock_that_was_removed_keeps_nobody_out_and_lets_one_in(program: Program) -> None:
    with program.disk.locked("state"):
        (program.disk.RUN / "state.lock").unlink()
        with (
            program.disk.locked("state"),
            pytest.raises(program.errors.BusyError),
            program.disk.locked("state"),
        ):
            pass
