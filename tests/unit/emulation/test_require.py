"""A machine that runs no arm64 programs: who is told which command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jetson_kit.containers import outside
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.emulation import cores


@pytest.mark.parametrize(("uid", "has", "direct"), [
    (1000, True, True), (1000, False, False), (0, True, False),
])  # fmt: skip
def test_who_is_not_root_gets_the_command_that_root_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, has: bool, direct: bool
) -> None:
    entry, register = tmp_path / "qemu-aarch64.conf", tmp_path / "binfmt_misc"
    if has:
        entry.touch()
    monkeypatch.setattr(cores, "ENTRY", entry)
    monkeypatch.setattr(cores, "BINFMT", register / "qemu-aarch64")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(outside, "likely", lambda: False)
    with pytest.raises(ToolMissingError) as raised:
        cores.require("image")
    command = f"as root, once: cat {entry} >{register}/register"
    assert (raised.value.cure == command) is direct
    assert direct or "run ./inv build as root once" in raised.value.cure
