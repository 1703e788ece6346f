"""The Arm cores that user emulation stands for, against what QEMU's CPUs really have."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mediapipe_jetson.observe import cpu as device_cpu

from jetson_kit.audit import one_cpu
from jetson_kit.containers import engine, outside
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cores as emulation
from jetson_kit.emulation import cpus

KNOWN: dict[str, Any] = json.loads(device_cpu.DATA.read_text(encoding="utf-8"))
PRINT_HWCAP = (
    "import ctypes; ask = ctypes.CDLL(None).getauxval; ask.restype = ctypes.c_ulong; "
    "ask.argtypes = [ctypes.c_ulong]; print(ask(16), ask(26))"
)


@pytest.mark.parametrize("cpu", cpus.load(), ids=lambda cpu: cpu.name)
def test_cpuinfo_reads_as_on_that_core(tmp_path: Path, cpu: cpus.Cpu) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(emulation.cpuinfo(cpu, 3))
    result = device_cpu.read(tmp_path, machine="aarch64")
    assert isinstance(result, device_cpu.Cpu)
    assert (result.cores, result.features) == (3, cpu.features)
    assert result.arm_level is not None
    assert result.names == (
        KNOWN["parts"].get(
            f"{cpu.cpuinfo['implementer']}:{cpu.cpuinfo['part']}",
            f"Arm core {cpu.cpuinfo['implementer']}:{cpu.cpuinfo['part']}",
        ),
    )


@pytest.mark.qemu
@pytest.mark.network
@pytest.mark.parametrize("cpu", cpus.load(), ids=lambda cpu: cpu.name)
def test_features_are_those_that_qemu_reports(cpu: cpus.Cpu) -> None:
    tree = rootfs.tree(variant="audit", suite="bookworm", arch="arm64")
    command = [*one_cpu.command(tree, cpu), "-c", PRINT_HWCAP]
    numbers = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    reported = {
        name
        for bits, table in zip(map(int, numbers), ("hwcap", "hwcap2"), strict=True)
        for bit, name in enumerate(KNOWN[table])
        if bits >> bit & 1
    }
    # Carmel's are fewer than those of the core that stands for it; newer QEMUs report more.
    assert set(cpu.features) <= reported


def test_the_oldest_core_counts() -> None:
    assert emulation.oldest(["tegra234", "tegra210"]).name == "cortex-a57"
    assert emulation.oldest(["tegra234", "tegra194"]).name == "carmel"
    assert emulation.oldest(["tegra234"]).name == "cortex-a76"
    assert emulation.oldest([]).name == emulation.DEFAULT


def test_an_unknown_core_lists_the_known() -> None:
    with pytest.raises(BadInputError, match="unknown CPU 'cortex-a99'") as caught:
        emulation.core("cortex-a99")
    assert "cortex-a57, carmel, cortex-a76, max" in caught.value.cure


@pytest.mark.parametrize(
    ("default", "runtime"),
    [("runc", None), ("nvidia", "runc"), ("nvidia-legacy", "runc"), ("crun", None), (None, None)],
)
def test_a_default_runtime_of_nvidia_starts_no_emulated_container(
    default: str | None, runtime: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    client = SimpleNamespace(info=lambda: {"NCPU": 2, "DefaultRuntime": default})
    monkeypatch.setattr(engine, "client", lambda: client)
    monkeypatch.setattr(outside, "mounted_file", lambda *_words: "a mount")
    options = emulation.container_options(emulation.core("cortex-a76"), "image")
    assert options.get("runtime") == runtime
    assert options["mounts"] == ["a mount"]
