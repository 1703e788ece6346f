"""The options of fleet.channel: what contradicts itself, or would be ignored, is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.command_line.options import RefusedError
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.channel import command
from jetson_kit.fleet.channel.policy import Policy
from jetson_kit.fleet.channel.repository import Validity
from jetson_kit.fleet.release import signing
from jetson_kit.service import role_values
from jetson_kit.tasks.fleet_channel import BOARD, COLLECTOR
from tests.support.here import needs_parts

FRONT = """\
from jetson_kit.command_line import program
from jetson_kit.tasks import fleet
program.main(fleet.collection())
"""


@needs_parts("ssh-keygen")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("--renew --canary foo --waves 5", "--waves and --canary can only be given with --target"),
        ("--waves 5,100", "--waves can only be given with --target"),
        ("--pause --step 2", "--step can only be given with --target"),
        ("--pause --resume", "--pause and --resume contradict each other"),
        ("--target x --stop", "--target offers a release, and --stop offers none"),
        ("--renew --root-valid 30", "--root-valid is for a new root"),
        ("--target x --canary a;b", "is no name of a host"),
    ],
)
def test_what_is_ignored_or_contradicts_is_refused(
    tmp_path: Path, arguments: str, problem: str
) -> None:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    command.begin(tmp_path / "www", tmp_path / "owner", tmp_path / "channel", Validity())
    before = (tmp_path / "www/timestamp.json").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FRONT, "channel", "www", "--key", "channel", *arguments.split()],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert problem in done.stderr
    assert (tmp_path / "www/timestamp.json").read_bytes() == before


@pytest.mark.parametrize(
    "terms",
    [
        {"canary": ("a",)}, {"shares": (5,)}, {"step_h": 1.0, "pause": True},
        {"target": "x", "step_h": 1.0}, {"target": "x", "shares": (50,), "step_h": 1.0},
        {"target": "x", "roll_back": True}, {"target": "x", "stop": True},
        {"stop": True, "shares": (5, 100)}, {"window": "", "canary": ("a",)},
    ],
)  # fmt: skip
def test_a_termssays_what_it_can_not_use(terms: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        command.Request(**terms).check()


@pytest.mark.parametrize("name", ["camera-1", "a.example.com", "192.0.2.1", "fe80::1", "cam_1"])
def test_names_of_hosts_are_taken(name: str) -> None:
    assert BOARD(name) == name


@pytest.mark.parametrize("name", ["-a", "a b", "all:!b", "*", "a/b", "~a.*", "a\u200bb", "@hosts"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RefusedError):
        BOARD(name)


def test_the_summary_shows_window_and_canary() -> None:
    policy = Policy(canary=tuple(f"camera-{number}" for number in range(7)), window="22:00-05:00")
    text = command.summary(3, policy, Validity())
    assert "first camera-0, camera-1, camera-2, camera-3, camera-4 and 2 more" in text
    assert "window 22:00-05:00" in text
    bare = command.summary(3, Policy(), Validity())
    assert "window" not in bare and "first" not in bare


@needs_parts("ssh-keygen")
@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("nosuch", "--status"), 2, "nosuch is no channel: No such file or directory"),
        ((".", "--status"), 2, "is no channel; begin one"),
        (("www", "--status"), 2, "no reports are collected here"),
        (("www", "--status", "--silent", "0"), 2, '"0" is no number from 60 to 31622400'),
        (("www", "--status", "--silent", "1e12"), 2, "is no number from 60 to 31622400"),
    ],
)
def test_a_status_is_of_the_channel_that_is_named(
    tmp_path: Path, arguments: tuple[str, ...], code: int, problem: str
) -> None:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    command.begin(tmp_path / "www", tmp_path / "owner", tmp_path / "channel", Validity())
    done = subprocess.run(
        [sys.executable, "-c", FRONT, "channel", *arguments],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "KIT_STATE": str(tmp_path / "s")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert problem in done.stderr


@needs_parts("ssh-keygen")
def test_the_channels_state_stands_above_its_boards(tmp_path: Path) -> None:
    for name in ("owner", "channel"):
        signing.make_key(tmp_path / name, name, passphrase=False)
    command.begin(tmp_path / "www", tmp_path / "owner", tmp_path / "channel", Validity())
    (tmp_path / "s/collector").mkdir(parents=True)
    listed = {"boards": ["camera-1"], "without": [], "shared": {}}
    (tmp_path / "s/collector/boards.json").write_text(json.dumps(listed))
    given = [sys.executable, "-c", FRONT, "channel", "www", "--status"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KIT_STATE": str(tmp_path / "s")}
    done = subprocess.run(
        given, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "channel: version 2; no release; it names no collector: --collector",
        "camera-1  never reported",
    ]
    assert done.stderr == "error: 1 of 1 board needs a look\n"
    done = subprocess.run(
        [*given, "--json"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    channel = json.loads(done.stdout)["channel"]
    assert channel == {"version": 2, "release": "", "collector": ""}


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("none", True), ("https://x", True), ("https://x:1/", True), ("https://x:65535/a/b", True),
        ("https://198.51.100.1:27197/", True), ("https://[2001:db8::1]:27197/", True),
        ("https://[::1]", True), ("https://x:0/", False), ("https://x:65536/", False),
        ("https://x:99999/", False), ("https://x:/", False), ("https://x:1:2/", False),
        ("https://[/", False), ("https://]:5/", False), ("https://::1/", False),
        ("https://-x/", False),
    ],
)  # fmt: skip
def test_an_address_that_no_board_could_reach_is_refused(address: str, good: bool) -> None:
    if good:
        assert COLLECTOR(address) == address
    else:
        with pytest.raises(RefusedError, match="no address of a collector"):
            COLLECTOR(address)
    # The address of a channel in an inventory, which has no brackets.
    url = address.replace("[::1]", "x").replace("[2001:db8::1]", "x").removesuffix("none")
    assert (role_values.faults({"image_channel_url": url}) == []) is (
        good or address in ("https://-x/",)
    )
