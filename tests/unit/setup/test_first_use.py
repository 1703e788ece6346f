"""A first use of the GPU: what a child's end, output and log come to, and what is stored of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mediapipe_jetson.backends import first_use
from mediapipe_jetson.backends.base import SubModel
from mediapipe_jetson.backends.first_use import Verdict, evaluate
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import cpu, vulkan_devices
from mediapipe_jetson.observe.vulkan_devices import Device

LOG = """\
INFO: [delegate_webgpu.cc:342] Create WebGPU environment (use_low_power=0)
I0000 environment.cc:532] Selected adapter: NVIDIA Tegra X1, arch=maxwell, backend=Vulkan
"""
TIMES = {"first_ms": 900.0, "gpu_ms": 2.0, "cpu_ms": 4.0}
MODEL = SubModel.of("face_detector", b"bytes of a model")


def said(**facts: object) -> str:
    return json.dumps({"tolerance": 0.001, **TIMES, **facts}) + "\n"


def test_results_like_the_cpus_are_taken() -> None:
    verdict = evaluate(0, "a driver's words\n" + said(error=4e-7), LOG, "litert-gpu")
    adapter = "NVIDIA Tegra X1, arch=maxwell, backend=Vulkan"
    assert verdict == Verdict("", adapter, 4e-7, 900.0, 2.0, 4.0)


@pytest.mark.parametrize("error", [0.9, 0.0011, float("nan"), float("inf")])
def test_results_that_differ_are_never_taken(error: float) -> None:
    verdict = evaluate(0, said(error=error), LOG, "litert-gpu")
    assert verdict.why_not.startswith("its results differ from the CPU's by")


@pytest.mark.parametrize(
    ("code", "output", "why"),
    [
        (-4, "", "at its first use the driver crashed (SIGILL)"),
        (-11, "half a li", "at its first use the driver crashed (SIGSEGV)"),
        (1, "", "at its first use the probe ended with exit code 1"),
        (0, "", "at its first use the probe ended with exit code 0"),
        (0, '{"why_not": "device lost", "tolerance": 1}', "device lost"),
    ],
)
def test_a_child_that_fails_has_its_reason(code: int, output: str, why: str) -> None:
    verdict = evaluate(code, output, LOG, "litert-gpu")
    assert verdict.why_not == why
    assert verdict.adapter.startswith("NVIDIA Tegra X1")


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names that were tried; a try gives a difference of 4e-7."""
    monkeypatch.setenv("MEDIAPIPE_JETSON_CACHE", str(tmp_path))
    monkeypatch.setattr(first_use, "_known", {})
    tried: list[str] = []

    def attempt(tflite: bytes, name: str) -> Verdict:
        tried.append(name)
        return evaluate(0, said(error=4e-7), LOG, name)

    monkeypatch.setattr(first_use, "attempt", attempt)
    monkeypatch.setattr(vulkan_devices, "read", lambda: (device(driver=1),))
    return tried


def device(*, driver: int = 1, lacks: tuple[str, ...] = (), api: int = 2) -> Device:
    return Device("NVIDIA Tegra X1", "integrated", (1, api, 0), driver, 0x10DE, lacks)


def test_it_is_tried_once_for_a_driver_and_known_after_a_restart(
    counted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_use.check(MODEL, MODEL.tflite, "litert-gpu")
    monkeypatch.setattr(first_use, "_known", {})
    second_verdict = first_use.check(MODEL, MODEL.tflite, "litert-gpu")
    assert (first.fresh, second_verdict.fresh, first.error, second_verdict.error) == (
        True,
        False,
        4e-7,
        4e-7,
    )
    first_use.check(MODEL, MODEL.tflite, "litert-gpu-fp16")
    monkeypatch.setattr(vulkan_devices, "read", lambda: (device(driver=2),))
    first_use.check(MODEL, MODEL.tflite, "litert-gpu")
    assert counted == ["litert-gpu", "litert-gpu-fp16", "litert-gpu"]
    assert len(list(tmp_path.glob("first-use-*.json"))) == 3


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": "mediapipe-jetson/first-use/1"}'])
def test_a_damaged_record_is_tried_anew(
    damage: str, counted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_use.check(MODEL, MODEL.tflite, "litert-gpu")
    (path,) = tmp_path.glob("first-use-*.json")
    path.write_text(damage, encoding="utf-8")
    monkeypatch.setattr(first_use, "_known", {})
    assert first_use.check(MODEL, MODEL.tflite, "litert-gpu").fresh
    assert len(counted) == 2


def test_where_nothing_can_be_kept_it_is_tried_once_a_process(
    counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIAPIPE_JETSON_CACHE", "/proc/nowhere")
    for _ in range(2):
        assert first_use.check(MODEL, MODEL.tflite, "litert-gpu").why_not == ""
    assert counted == ["litert-gpu"]


def test_a_machine_that_is_too_busy_says_nothing_of_its_gpu(
    counted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = first_use.attempt
    monkeypatch.undo()
    monkeypatch.setenv("MEDIAPIPE_JETSON_CACHE", str(tmp_path))
    monkeypatch.setattr(first_use, "_known", {})
    monkeypatch.setattr(vulkan_devices, "read", lambda: (device(),))
    with pytest.raises(first_use.NoVerdictError, match=r"no answer within 0\.01 s"):
        first_use.attempt(MODEL.tflite, "litert-gpu", 0.01)
    monkeypatch.setattr(first_use, "attempt", _late)
    assert "no answer" in first_use.check(MODEL, MODEL.tflite, "litert-gpu").why_not
    assert not list(tmp_path.glob("first-use-*.json"))
    monkeypatch.setattr(first_use, "_known", {})
    monkeypatch.setattr(first_use, "attempt", real)
    assert first_use.check(MODEL, MODEL.tflite, "litert-gpu").why_not == ""
    assert counted == ["litert-gpu"]


def _late(_tflite: bytes, _name: str) -> Verdict:
    raise first_use.NoVerdictError("the GPU gave no answer within 300 s")


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (Absent("libvulkan.so.1: cannot open shared object file"), "install libvulkan1"),
        (Absent("the driver crashed (SIGSEGV)"), "the driver crashed"),
        ((), "NVIDIA_DRIVER_CAPABILITIES"),
        ((device(lacks=("shaderUniformBufferArrayDynamicIndexing",)),), "a newer driver"),
        ((device(api=0),), "Vulkan 1.0 is older than 1.1"),
        ((device(api=0), device()), ""),
    ],
)
def test_why_no_device_can_be_used(devices: object, expected: str) -> None:
    problem = vulkan_devices.problem(devices)  # type: ignore[arg-type]
    assert expected in problem
    assert bool(expected) == bool(problem)


A57 = ("fp", "asimd", "aes", "crc32")
CARMEL = (*A57, "atomics", "asimdhp")
ORIN = (*CARMEL, "asimddp", "lrcpc")


@pytest.mark.parametrize(
    ("arch", "features", "missing"),
    [
        ("aarch64", A57, "LSE atomics, dotprod, RCpc"),
        ("aarch64", CARMEL, "dotprod, RCpc"),
        ("aarch64", ORIN, ""),
        ("aarch64", (), ""),
        ("x86_64", ("sse2",), ""),
    ],
)
def test_a_core_that_the_accelerator_refuses_is_told_before_it_is_loaded(
    arch: str, features: tuple[str, ...], missing: str
) -> None:
    seen = cpu.Cpu(arch, ("Cortex-A57",), 4, features, "AT_HWCAP", None, None, None)
    why = vulkan_devices.cpu_problem(seen)
    assert (f"Cortex-A57 lacks {missing};" in why) if missing else not why


def test_a_cpu_that_nobody_could_read_is_not_refused() -> None:
    assert vulkan_devices.cpu_problem(Absent("no /proc/cpuinfo")) == ""
