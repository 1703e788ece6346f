"""Whether a build on an arm64 machine starts its image: only where its own cores can run it."""

from __future__ import annotations

from typing import Any

import pytest
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.cpu import Cpu

from jetson_kit.build import plan as planning
from jetson_kit.build import smoke
from jetson_kit.build.request import Request
from jetson_kit.containers import owned
from jetson_kit.core.progress import Progress
from jetson_kit.emulation import cpus, own_core

FEATURES = {cpu.name: tuple(cpu.features) for cpu in cpus.load()}


class StartedError(Exception):
    """The image would have been started."""


def machine(name: str) -> Cpu:
    return Cpu("aarch64", (name,), 4, FEATURES[name], "AT_HWCAP", None, None, None)


def start(monkeypatch: pytest.MonkeyPatch, cpu: Cpu | Absent, request: Request) -> smoke.FirstStart:
    def run(*words: Any) -> bytes:
        raise StartedError

    monkeypatch.setattr(smoke, "host_arch", lambda: "arm64")
    monkeypatch.setattr(own_core, "read", lambda: cpu)
    monkeypatch.setattr(owned, "remove_left", lambda: None)
    monkeypatch.setattr(smoke, "_run", run)
    return smoke.start(planning.make(request), "sha256:00", Progress(quiet=True))


@pytest.mark.parametrize(
    ("core", "request_", "lacks"),
    [
        ("cortex-a57", Request(jetson=True), "LSE atomics and dotprod and RCpc"),
        ("carmel", Request(jetson=True), "dotprod and RCpc"),
        ("cortex-a57", Request(jetson=True, l4t="35.6.1", module="agx-xavier"), "LSE atomics"),
    ],
)
def test_an_image_for_newer_boards_is_built_and_not_started(
    core: str, request_: Request, lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(monkeypatch, machine(core), request_)
    assert first.how == "not started" and first.inference == "not run"
    assert f"needs {lacks}" in first.inference_reason
    assert f"which this machine's {core} lacks" in first.inference_reason


@pytest.mark.parametrize(
    ("core", "request_"),
    [
        ("cortex-a76", Request(jetson=True)),
        ("max", Request(jetson=True)),
        ("cortex-a57", Request(jetson=True, l4t="32.7.6", module="nano")),
        ("cortex-a76", Request(jetson=True, l4t="32.7.6", module="nano")),
        ("carmel", Request(jetson=True, l4t="35.6.1", module="agx-xavier")),
    ],
)
def test_an_image_that_this_machine_can_run_is_started(
    core: str, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StartedError):
        start(monkeypatch, machine(core), request_)


def test_a_machine_that_says_nothing_of_its_cores_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartedError):
        start(monkeypatch, Absent("no /proc/cpuinfo"), Request(jetson=True))
