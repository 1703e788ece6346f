"""What the device wheel reads from the trees of three generations."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from mediapipe_jetson import info
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import cpu, driver, l4t, module

from tests.support.here import not_here_if
from tests.unit.device_wheel_trees import A57, plant, schema


@pytest.mark.parametrize(
    ("name", "release", "path", "stated"),
    [
        ("nano", "32.7.1", "/usr/lib/aarch64-linux-gnu/tegra", False),
        ("orin", "36.4.3", "/usr/lib/aarch64-linux-gnu/nvidia", True),
        ("thor", "38.2.0", "/usr/lib/aarch64-linux-gnu/nvidia", True),
    ],
)
def test_l4t(tmp_path: Path, name: str, release: str, path: str, stated: bool) -> None:
    result = l4t.read(plant(tmp_path, name))
    assert isinstance(result, l4t.L4t)
    assert (result.release, result.userspace_path, result.userspace_stated) == (
        release,
        path,
        stated,
    )
    assert result.gcid
    assert result.gcid.isdigit()
    assert result.install_type is None


def test_l4t_date_has_a_time_with_colons() -> None:
    result = l4t.parse(
        "# R39 (release), REVISION: 2.0, GCID: 45755727, BOARD: generic, EABI: aarch64, "
        "DATE: Mon Jun  1 09:28:48 PM UTC 2026"
    )
    assert isinstance(result, l4t.L4t)
    assert result.date == "Mon Jun  1 09:28:48 PM UTC 2026"


@pytest.mark.parametrize("text", ["", "hello", "# R36, REVISION: 4.3"])
def test_l4t_unreadable_is_absent(text: str) -> None:
    result = l4t.parse(text)
    assert isinstance(result, Absent)
    assert "nv_tegra_release" in result.reason


@pytest.mark.parametrize(
    ("name", "part", "soc"),
    [
        ("nano", "p3448-0000", "tegra210"),
        ("orin", "p3767-0005", "tegra234"),
        ("thor", "p3834-0008", "tegra264"),
    ],
)
def test_module(tmp_path: Path, name: str, part: str, soc: str) -> None:
    result = module.read(plant(tmp_path, name))
    assert isinstance(result, module.Module)
    assert (result.part, result.soc) == (part, soc)
    assert result.model.startswith("NVIDIA Jetson")
    assert "\0" not in "".join((result.model, *result.compatible))


def test_module_where_the_tree_is_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/soc0"
    folder.mkdir(parents=True)
    assert isinstance(module.read(tmp_path), Absent)
    (folder / "machine").write_text("NVIDIA Jetson Orin Nano Developer Kit\n")
    result = module.read(tmp_path)
    assert isinstance(result, module.Module)
    assert result.source == "/sys/devices/soc0"


@pytest.mark.parametrize(
    ("name", "core", "cores", "level", "atomics"),
    [
        ("nano", "Cortex-A57", 4, "armv8.0-a", False),
        ("orin", "Cortex-A78AE", 6, "armv8.2-a", True),
        ("thor", "Neoverse-V3AE", 14, "armv9.0-a", True),
    ],
)
def test_cpu(tmp_path: Path, name: str, core: str, cores: int, level: str, atomics: bool) -> None:
    result = cpu.read(plant(tmp_path, name), machine="aarch64")
    assert isinstance(result, cpu.Cpu)
    assert (result.name, result.cores) == (core, cores)
    assert (result.arm_level, result.atomics, result.emulated) == (level, atomics, None)


def test_cpu_features_are_those_of_every_core(tmp_path: Path) -> None:
    text = "Features\t: fp asimd atomics\n\nFeatures\t: fp asimd\n"
    assert cpu.listed_features(text) == ("fp", "asimd")


def test_cpu_with_two_kinds_of_cores() -> None:
    text = (
        "CPU implementer\t: 0x4e\nCPU part\t: 0x003\n\nCPU implementer\t: 0x41\nCPU part\t: 0xd07\n"
    )
    assert cpu.names(text, {"0x4e:0x003": "Denver 2", "0x41:0xd07": "Cortex-A57"}) == (
        "Denver 2",
        "Cortex-A57",
    )
    assert cpu.names(text, {}) == ("Arm core 0x4e:0x003", "Arm core 0x41:0xd07")


def test_cpu_user_emulation_shows(tmp_path: Path) -> None:
    root = plant(tmp_path, "nano")
    (root / "proc/cpuinfo").write_text(f"vendor_id\t: AuthenticAMD\nflags\t: {A57}\n")
    (root / "sys/devices/system/cpu/modalias").write_text("cpu:type:x86,ven0002fam0019mod0001:")
    result = cpu.read(root, machine="aarch64")
    assert isinstance(result, cpu.Cpu)
    assert result.emulated == "QEMU user emulation on x86"
    assert "emulated" in result.name
    assert result.cpuinfo_is_foreign


def test_cpu_user_emulation_shows_beside_an_arm_cpuinfo(tmp_path: Path) -> None:
    root = plant(tmp_path, "nano")
    (root / "sys/devices/system/cpu/modalias").write_text("cpu:type:x86,ven0002fam0019mod0001:")
    result = cpu.read(root, machine="aarch64")
    assert isinstance(result, cpu.Cpu)
    assert result.emulated == "QEMU user emulation on x86"
    assert (result.name, result.cpuinfo_is_foreign) == ("Cortex-A57", False)


@pytest.mark.parametrize(
    ("name", "version", "nodes"),
    [
        ("nano", "32.7.1", ["/dev/nvmap", "/dev/nvhost-gpu"]),
        ("orin", "540.4.0", ["/dev/nvmap", "/dev/nvgpu/igpu0/ctrl", "/dev/dri/renderD128"]),
        ("thor", "580.00", ["/dev/nvidia0", "/dev/nvidiactl"]),
    ],
)
def test_driver(tmp_path: Path, name: str, version: str, nodes: list[str]) -> None:
    result = driver.read(plant(tmp_path, name))
    assert isinstance(result, driver.Driver)
    assert result.version == version
    assert [node.path for node in result.nodes] == nodes
    assert not any("libz" in name for entry in result.directories for name in entry.libraries)


def test_driver_absent_with_only_another_vendors_render_node(tmp_path: Path) -> None:
    (tmp_path / "dev/dri").mkdir(parents=True)
    (tmp_path / "dev/dri/renderD128").write_text("")
    result = driver.read(tmp_path)
    assert isinstance(result, Absent)
    assert "--runtime nvidia" in result.reason


@not_here_if(os.geteuid() == 0, "root opens every file")
def test_driver_closed_node_is_told(tmp_path: Path) -> None:
    root = plant(tmp_path, "orin")
    (root / "dev/nvmap").chmod(0)
    result = driver.read(root)
    assert isinstance(result, driver.Driver)
    assert not next(node for node in result.nodes if node.path == "/dev/nvmap").accessible
    assert any("--group-add" in line for line in result.lines())


@pytest.mark.parametrize("name", ["nano", "orin", "thor"])
def test_document_of_a_tree_keeps_to_the_schema(tmp_path: Path, name: str) -> None:
    sections = info.observe(plant(tmp_path, name))
    document = json.loads(json.dumps(info.document(sections)))
    jsonschema.validate(document, schema("info"))
    assert document["l4t"]["present"]
    assert document["driver"]["present"]
    assert "L4T" in info.text(sections)


def test_empty_tree_is_absent_throughout(tmp_path: Path) -> None:
    document = info.document(info.observe(tmp_path))
    jsonschema.validate(json.loads(json.dumps(document)), schema("info"))
    for key in ("cpu", "l4t", "module", "driver", "egl", "vulkan", "gl"):
        assert document[key]["present"] is False, key
        assert document[key]["reason"]


def test_a_failing_observation_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_root: Path) -> Absent:
        raise RuntimeError("two\nlines")

    monkeypatch.setitem(info.READERS, "gl", ("GL renderer", fails))
    result = info.observe(tmp_path)["gl"]
    assert isinstance(result, Absent)
    assert result.reason == "could not be observed: RuntimeError: two lines"
