"""The commands of docs/channel.md, run as they stand there, one after another."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.channel.repository import Repository
from tests.fleet.small_release import build
from tests.support.here import needs_parts

pytestmark = [pytest.mark.slow, needs_parts("ssh-keygen")]
FRONT = """\
from jetson_kit.command_line import program
from jetson_kit.tasks import fleet
program.main(fleet.collection())
"""
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """Return the arguments of the page's commands; `sudo` is for a folder of the system's."""
    text = (ROOT / "docs/channel.md").read_text(encoding="utf-8")
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    calls = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] if line[0] == "sudo" else line for line in calls]


def test_the_pages_commands_work_in_their_order(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("#!/bin/sh\necho a passphrase\n")
    passphrase.chmod(0o700)
    env = {
        **os.environ, "HOME": str(tmp_path), "KIT_STATE": str(tmp_path / "state"),
        "KIT_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT),
        "SSH_ASKPASS": str(passphrase), "SSH_ASKPASS_REQUIRE": "force",
    }  # fmt: skip
    env.pop("SSH_AUTH_SOCK", None)

    def run(command: list[str]) -> str:
        places = {"~": str(tmp_path), "/srv/www": str(tmp_path / "www"), "r36.4.4": str(folder)}
        for name, place in places.items():
            command = [re.sub(rf"^{re.escape(name)}(?=/|$)", place, word) for word in command]
        command = [str(os.getuid()) if x == "$USER" else x for x in command]
        if command[0] == "./inv":
            command = [sys.executable, "-c", FRONT, command[1].removeprefix("fleet."), *command[2:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    run(["./inv", "fleet.key"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", env["KIT_CACHE"])
        release = build(folder, "a", bulk=100, runnable=False)
    outputs = [run(command) for command in commands()]
    assert len(outputs) >= 15
    there = Repository(tmp_path / "www/channel")
    body = json.loads(there.read("channel.json"))
    assert (body["window"], body["paused"], body["leave"]) == (
        "22:00-05:00", True, [release.image_id],
    )  # fmt: skip
    assert there.root.signed.version == 3
