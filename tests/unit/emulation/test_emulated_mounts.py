"""What a command in an image has mounted: volumes as typed, and what its user can't read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.emulation import mounts
from tests.support.here import cannot_run_here


@pytest.mark.parametrize(
    ("mode", "owner", "user", "readable"),
    [
        (0o700, 0, "10001:10001", False),
        (0o704, 0, "10001:10001", False),
        (0o705, 0, "10001:10001", True),
        (0o750, 0, "10001:10001", False),
        (0o750, 0, "10001", True),
        (0o700, 10001, "10001:10001", True),
        (0o300, 10001, "10001:10001", False),
        (0o700, 0, "", True),
        (0o700, 0, "0", True),
        (0o700, 0, "somebody", True),
    ],
)
def test_what_the_images_user_can_not_read_is_told(
    tmp_path: Path, mode: int, owner: int, user: str, readable: bool
) -> None:
    if os.geteuid():
        cannot_run_here("only root can give a folder to another")
    place = tmp_path / "a b"
    place.mkdir()
    os.chown(place, owner, 0)
    place.chmod(mode)
    problem = mounts.unreadable(f"{place}:/data:ro", user)
    assert problem == "" if readable else problem.endswith(f"chmod -R o+rX '{place}'")


@pytest.mark.parametrize(
    ("mode", "user", "numbering", "readable"),
    [
        (0o700, "{own}:{own}", "rootless", False),  # a user of that number, not who owns it
        (0o750, "1:{own}", "rootless", False),
        (0o705, "1:1", "rootless", True),
        (0o700, "0", "rootless", True),
        (0o700, "", "rootless", True),
        (0o700, "0", "userns", False),
        (0o700, "", "userns", False),
        (0o755, "0:0", "userns", True),
        (0o700, "{own}:{own}", "userns", False),
    ],
)
def test_numbers_of_an_engine_that_are_not_this_machines_own_nothing(
    tmp_path: Path, mode: int, user: str, numbering: str, readable: bool
) -> None:
    place = tmp_path / "it"
    place.mkdir(mode)
    place.chmod(mode)
    own = os.geteuid() or 10001
    problem = mounts.unreadable(f"{place}:/data", user.format(own=own), numbering)
    assert (problem == "") is readable


def test_what_another_owns_is_not_judged_by_other_numbers(tmp_path: Path) -> None:
    if os.geteuid():
        cannot_run_here("only root can give a folder to another")
    place = tmp_path / "it"
    place.mkdir()
    os.chown(place, 110000, 110000)
    place.chmod(0o700)
    assert mounts.unreadable(f"{place}:/data", "10001:10001", "rootless") == ""
    assert mounts.unreadable(f"{place}:/data", "10001:10001")


def test_a_file_is_only_read(tmp_path: Path) -> None:
    file = tmp_path / "clip.avi"
    file.touch(0o644)
    assert mounts.unreadable(f"{file}:/data", "10001:10001") == ""
    file.chmod(0o600)
    assert mounts.unreadable(f"{file}:/data", "10001:10001")
    assert mounts.unreadable("a-volume:/data", "10001:10001") == ""


def test_volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert mounts.volume("./here:/data:ro") == f"{tmp_path}/here:/data:ro"
    assert mounts.volume(f"{tmp_path}:/data") == f"{tmp_path}:/data"
    assert mounts.volume("a-volume:/data") == "a-volume:/data"
    for wrong in ("data", "./here:data", "./absent:/data"):
        with pytest.raises(BadInputError):
            mounts.volume(wrong)
