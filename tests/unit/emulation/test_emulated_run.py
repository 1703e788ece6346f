"""`./inv emulate` before anything is started: what is asked for, and what can't run where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from docker.models.images import Image
from mediapipe_jetson.observe.cpu import Cpu

from jetson_kit.core.errors import BadInputError
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import own_core
from jetson_kit.emulation import run as emulated_run
from tests.support.here import cannot_run_here


def image(**labels: str) -> Image:
    """Return an image as the engine describes it."""
    named: dict[str, Any] = {f"{emulation.LABELS}.{name}": text for name, text in labels.items()}
    return Image(attrs={"Config": {"Labels": named}})


@pytest.mark.parametrize(
    ("version", "core", "lacks"),
    [
        ("1.2.2+jetson.1", "cortex-a57", "LSE atomics and dotprod and RCpc"),
        ("1.2.2+jetson.1", "carmel", "dotprod and RCpc"),
        ("1.2.2+jetson.1", "cortex-a76", ""),
        ("1.2.2+jetson.1", "max", ""),
        ("0.10.18+jetson.1", "cortex-a57", ""),
        ("1.2.2+jetson.1.armv80", "cortex-a57", ""),
        ("1.2.2+jetson.1.carmel", "cortex-a57", "LSE atomics"),
        ("1.2.2+jetson.1.carmel", "carmel", ""),
        ("", "cortex-a57", ""),
    ],
)
def test_a_core_that_the_images_mediapipe_can_not_run_on(
    version: str, core: str, lacks: str
) -> None:
    message = emulated_run.unfit(image(mediapipe=version), emulation.core(core))
    assert bool(message) == bool(lacks)
    assert f"can't run on {core}, which lacks {lacks};" in message or not lacks


def test_an_arm64_machine_judges_by_its_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    a57 = emulation.core("cortex-a57").features
    here = Cpu("aarch64", ("Cortex-A57",), 4, tuple(a57), "AT_HWCAP", None, None, None)
    monkeypatch.setattr(own_core, "read", lambda: here)
    newer, translated = (
        emulated_run.unfit(image(mediapipe=version), None)
        for version in ("1.2.2+jetson.1", "1.2.2+jetson.1.armv80")
    )
    assert "which this machine's Cortex-A57 lacks" in newer
    assert translated == ""


@pytest.mark.parametrize(
    ("labels", "core"),
    [
        ({"socs": "tegra210 tegra186 tegra194"}, "cortex-a57"),
        ({"socs": "tegra194 tegra234"}, "carmel"),
        ({"socs": "tegra234"}, "cortex-a76"),
        ({"socs": ""}, emulation.DEFAULT),
        ({}, emulation.DEFAULT),
    ],
)
def test_the_core_is_the_oldest_of_the_images_boards(labels: dict[str, str], core: str) -> None:
    assert emulation.core_of(image(**labels)).name == core


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAKEN", "from here")
    monkeypatch.delenv("ABSENT", raising=False)
    monkeypatch.setenv(f"{emulated_run.CALLERS}PYTHONX", "the caller's")
    rows = ("NAME=a=b", "EMPTY=", "TAKEN", "ABSENT", "PYTHONX")
    assert dict(emulated_run.variables(rows)) == {
        "NAME": "a=b",
        "EMPTY": "",
        "TAKEN": "from here",
        "PYTHONX": "the caller's",
    }
    with pytest.raises(BadInputError, match="has no name"):
        dict(emulated_run.variables(["=x"]))


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
    said = emulated_run.unreadable(f"{place}:/data:ro", user)
    assert said == "" if readable else said.endswith(f"chmod -R o+rX '{place}'")


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
    said = emulated_run.unreadable(f"{place}:/data", user.format(own=own), numbering)
    assert (said == "") is readable


def test_what_another_owns_is_not_judged_by_other_numbers(tmp_path: Path) -> None:
    if os.geteuid():
        cannot_run_here("only root can give a folder to another")
    place = tmp_path / "it"
    place.mkdir()
    os.chown(place, 110000, 110000)
    place.chmod(0o700)
    assert emulated_run.unreadable(f"{place}:/data", "10001:10001", "rootless") == ""
    assert emulated_run.unreadable(f"{place}:/data", "10001:10001")


def test_a_file_is_only_read(tmp_path: Path) -> None:
    file = tmp_path / "clip.avi"
    file.touch(0o644)
    assert emulated_run.unreadable(f"{file}:/data", "10001:10001") == ""
    file.chmod(0o600)
    assert emulated_run.unreadable(f"{file}:/data", "10001:10001")
    assert emulated_run.unreadable("a-volume:/data", "10001:10001") == ""


def test_volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert emulated_run.volume("./here:/data:ro") == f"{tmp_path}/here:/data:ro"
    assert emulated_run.volume(f"{tmp_path}:/data") == f"{tmp_path}:/data"
    assert emulated_run.volume("a-volume:/data") == "a-volume:/data"
    for wrong in ("data", "./here:data", "./absent:/data"):
        with pytest.raises(BadInputError):
            emulated_run.volume(wrong)
