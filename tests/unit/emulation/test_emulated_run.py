"""`./inv emulate` before anything is started: the request, and what can't run where."""

from __future__ import annotations

from typing import Any

import pytest
from docker.models.images import Image
from mediapipe_jetson.observe.cpu import Cpu

from jetson_kit.core.errors import BadInputError
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import own_core
from jetson_kit.emulation import run as emulated_run


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
