"""What a failed program is taken for."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from jetson_kit.core.errors import (
    DiskFullError,
    IntegrityError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.run import failure, run


@pytest.mark.parametrize(
    ("stderr", "kind", "says"),
    [
        ("E: Unable to locate package x\n", StepFailedError, "failed: Unable to locate package x"),
        ("note\nerror: bad thing\nhint: y\n", StepFailedError, "failed: bad thing"),
        ("some words\nthe last words\n", StepFailedError, "the last words"),
        ("", StepFailedError, "exit code 9"),
        ("W: x\nE: Failed to fetch y  Temporary failure resolving 'z'\n", NetworkError, "y"),
        ("error: Failed to fetch\n  Caused by: dns error\n", NetworkError, "it: Failed to fetch"),
        ("ERROR: dial tcp 127.0.0.1:1: connect: connection refused\n", NetworkError, "refused"),
        ("E: write (28: No space left on device)\n", DiskFullError, "no space left"),
        ("ERROR: failed to solve: write /x: no space left on device\n", DiskFullError, "no space"),
        ("E: You don't have enough free space in /x/.\n", DiskFullError, "no space left"),
        ("error: /x.whl: File too large (os error 27)\n", DiskFullError, "it: a file"),
        ("error: profile too large\n", StepFailedError, "profile too large"),
        ("E: Failed to fetch x  Hash Sum mismatch\n", IntegrityError, "Hash Sum mismatch"),
        ("E: The repository 'x Release' is not signed.\n", IntegrityError, "not signed"),
    ],
)
def test_failures_are_told_apart(stderr: str, kind: type[KitError], says: str) -> None:
    error = failure("doing it", 9, stderr)
    assert type(error) is kind
    assert error.message.startswith("doing it")
    assert says in error.message
    assert "\n" not in error.line()


def test_run_returns_output_and_feeds_input() -> None:
    assert run([sys.executable, "-c", "print(input())"], what="x", stdin=b"word\n") == "word\n"
    requested = [sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"]
    assert run(requested, what="x") == "''\n"


def test_run_of_what_is_not_there_fails_or_hangs() -> None:
    with pytest.raises(ToolMissingError, match="doing it: the program no-such-program"):
        run(["no-such-program"], what="doing it")
    with pytest.raises(StepFailedError, match="doing it failed: last"):
        run([sys.executable, "-c", "import sys; sys.exit('last')"], what="doing it")
    with pytest.raises(StepFailedError, match="no answer"):
        run([sys.executable, "-c", "import time; time.sleep(9)"], what="doing it", timeout_s=0.2)


class Usage(NamedTuple):
    free: int
    total: int = 1 << 40


@pytest.mark.parametrize(("variable", "folder"), [("KIT_CACHE", "cache"), ("KIT_STATE", "state")])
def test_a_program_on_a_full_disk_is_told_which(
    variable: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, home in (("KIT_CACHE", "cache"), ("KIT_STATE", "state")):
        monkeypatch.setenv(name, str(tmp_path / home))
        (tmp_path / home).mkdir()

    def usage(place: Path) -> Usage:
        return Usage(0 if place.is_relative_to(tmp_path / folder) else 1 << 30)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    error = failure("fetching it", 9, "E: write (28: No space left on device)\n")
    assert error.message == f"fetching it: no space left for {tmp_path / folder} (0 MiB free)"
    assert f"set {variable} to a larger disk" in error.cure


def test_a_full_disk_of_another_machine_is_no_folder_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40))
    output = (
        "fatal: [board-7]: OSError: [Errno 28] No space left on device: '/home/user/.ansible'\n"
    )
    error = failure("asking boards", 4, output)
    assert type(error) is DiskFullError
    assert "board-7" in error.message
    assert "/home/user/.ansible" in error.message


def test_what_cannot_be_written_to_is_not_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, folder in (("KIT_CACHE", "a"), ("KIT_STATE", "b"), ("TMPDIR", "c")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.chdir("/proc")
    error = failure("doing it", 9, "E: write (28: No space left on device)\n")
    assert "/proc" not in error.line()


def test_a_limit_of_file_sizes_has_its_cure(tmp_path: Path) -> None:
    script = f"ulimit -f 1; exec head -c 99999 /dev/zero >{tmp_path}/x"
    with pytest.raises(DiskFullError) as caught:
        run(["sh", "-c", script], what="writing it")
    assert caught.value.line().startswith("error: writing it: a file ")
    limited = f"ulimit -f 99; {sys.executable} -c '{LIMITED}'"
    done = run(["sh", "-c", limited], what="asking")
    assert "raise that limit (ulimit -f)" in done


LIMITED = (
    "import signal; from jetson_kit.core.run import failure; "
    'print(failure("x", -signal.SIGXFSZ, "").line())'
)
