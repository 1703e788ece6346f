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
from jetson_kit.core.errors import ToolMissingError
from jetson_kit.core.progress import Progress
from jetson_kit.emulation import cores, cpus, own_core

FEATURES = {cpu.name: tuple(cpu.features) for cpu in cpus.load()}


class StartedError(Exception):
    """The image would have been started."""


def machine(name: str) -> Cpu:
    return Cpu("aarch64", (name,), 4, FEATURES[name], "AT_HWCAP", None, None, None)


def start(monkeypatch: pytest.MonkeyPatch, cpu: Cpu | Absent, request: Request) -> smoke.FirstStart:
    def run(*arguments: Any) -> bytes:
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


def test_without_qemu_it_is_said_what_builds_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(image: str) -> None:
        raise ToolMissingError("this machine does not run arm64 programs", "as root, once: cat x")

    monkeypatch.setattr(smoke, "host_arch", lambda: "amd64")
    monkeypatch.setattr(cores, "require", absent)
    with pytest.raises(ToolMissingError) as raised:
        smoke.start(planning.make(Request(jetson=True)), "sha256:00", Progress(quiet=True))
    assert raised.value.cure == "as root, once: cat x; until then --no-start builds"
