"""Whether a machine only stands for a Jetson: boards, guests, cloud machines and forgeries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.observe import emulation
from mediapipe_jetson.verify import report, session

from jetson_kit.targets import table as targets
from tests.unit.device_wheel_trees import A57, A78, cpuinfo, plant, schema, wheel
from tests.unit.doctor_scenes import plant as plant_files
from tests.unit.verify import samples as sample

PCI = "sys/bus/pci/devices/0000:00:01.0/vendor"
GUEST = {
    "proc/cpuinfo": cpuinfo("0x41", "0xd0b", A78, 2),
    PCI: "0x1af4\n",
    "sys/bus/virtio/devices/virtio0/device": "0x0002\n",
    "sys/bus/platform/devices/9020000.fw-cfg/uevent": "",
}
BOARD_BUS = {PCI: "0x10de\n"}
MARKER = {emulation.MARKER.lstrip("/"): '{"emulated": true, "kind": "vm"}\n'}
ON: dict[str, Any] = {emulation.VARIABLE: "1"}


def look(root: Path, machine: str = "aarch64", **variables: str) -> emulation.Emulation:
    return emulation.read(root, variables, machine)


@pytest.mark.parametrize("device", ["nano", "orin", "thor"])
def test_a_board_is_no_virtual_device(tmp_path: Path, device: str) -> None:
    result = look(plant_files(plant(tmp_path, device), BOARD_BUS))
    assert (result.emulated, result.reasons, result.virtual) == (False, (), ())
    assert result.claims[0].startswith("/proc/device-tree: NVIDIA Jetson")


def test_every_soc_has_its_cores() -> None:
    assert set(emulation.known()["cores"]) == {soc.id for soc in targets.load().socs}


def test_tx2_with_both_kinds_of_cores(tmp_path: Path) -> None:
    both = cpuinfo("0x41", "0xd07", A57, 4) + cpuinfo("0x4e", "0x003", A57, 2)
    compatible = "nvidia,p2597-0000+p3310-1000\0nvidia,tegra186\0"
    tree = {"proc/device-tree/model": "quill\0", "proc/device-tree/compatible": compatible}
    tree |= {"proc/cpuinfo": both, **BOARD_BUS}
    result = look(plant_files(tmp_path, tree))
    assert (result.emulated, result.cores) == (False, ("0x41:0xd07", "0x4e:0x003"))


@pytest.mark.parametrize(
    ("device", "files", "why"),
    [
        ("orin", {**GUEST, **MARKER}, "says so"),
        ("orin", GUEST, "0x41:0xd0b is no core of tegra234"),
        ("orin", {**GUEST, **BOARD_BUS}, "fw_cfg"),
        # A guest may have the board's own core: what is on its buses tells all the same.
        ("nano", {PCI: "0x1b36\n"}, "PCI vendor 0x1b36 (QEMU)"),
        ("nano", {"sys/bus/virtio/devices/virtio0/device": "1"}, "a virtio device"),
        ("nano", {"proc/device-tree/fw-cfg@9020000/reg": "", **BOARD_BUS}, "fw_cfg"),
        ("nano", {"sys/class/dmi/id/sys_vendor": "QEMU\n", **BOARD_BUS}, "QEMU as its sys_vendor"),
        # What a list of cores hides, the register tells.
        ("orin", {"sys/devices/system/cpu/cpu0/regs/identification/midr_el1":
                  "0x00000000414fd0b1\n", **BOARD_BUS}, "0x41:0xd0b is no core"),
        ("orin", {"sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000", **BOARD_BUS},
         "QEMU user emulation"),
    ],
)  # fmt: skip
def test_a_guest_is_betrayed(tmp_path: Path, device: str, files: dict[str, str], why: str) -> None:
    result = look(plant_files(plant(tmp_path, device), files))
    assert result.emulated is True
    assert why in "; ".join(result.reasons)
    # The same as JSON, with marker and variable struck out, is no board's.
    raw = json.loads(json.dumps({**vars(result), "marker": None, "variable": False}))
    assert emulation.judge(raw)[0] is True


def test_x86_with_a_device_tree_made_by_hand(tmp_path: Path) -> None:
    tree = {"sys/firmware/devicetree/base/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
            "sys/firmware/devicetree/base/compatible": "nvidia,p3767-0005\0nvidia,tegra234\0",
            "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\n"}  # fmt: skip
    result = look(plant_files(tmp_path, tree), "x86_64")
    assert result.emulated is True
    assert "its CPU is x86_64" in result.reasons[0]
    assert result.claims == (
        "/sys/firmware/devicetree/base: NVIDIA Jetson Orin Nano Developer Kit",
    )


def test_a_container_of_it_that_only_has_the_nodes(tmp_path: Path) -> None:
    result = look(plant_files(tmp_path, {"dev/nvmap": "", "sys/bus/x": ""}), "x86_64")
    assert (result.emulated, result.claims) == (True, ("/dev/nvmap",))


@pytest.mark.parametrize(
    ("machine", "plan", "files", "emulated"),
    [
        ("aarch64", '{"target": {"l4t": "36.4.4"}}', GUEST, True),
        ("aarch64", '{"target": null}', GUEST, False),
        ("aarch64", "{torn", GUEST, True),
        ("x86_64", '{"target": {"l4t": "36.4.4"}}', {}, True),
        ("aarch64", '{"target": {"l4t": "36.4.4"}}',
         {"proc/cpuinfo": cpuinfo("0x41", "0xd42", A78, 6), **BOARD_BUS}, False),
    ],
)  # fmt: skip
def test_an_image_for_a_jetson_claims_to_be_on_one(
    tmp_path: Path, machine: str, plan: str, files: dict[str, str], emulated: bool
) -> None:
    """A container without NVIDIA's runtime sees no node and no device tree of the device."""
    result = look(plant_files(tmp_path, {"etc/mediapipe-jetson/plan.json": plan, **files}), machine)
    assert result.emulated is emulated


@pytest.mark.parametrize(
    ("machine", "files"),
    [
        ("x86_64", {PCI: "0x1af4\n", "sys/class/dmi/id/sys_vendor": "QEMU\n"}),
        ("aarch64", {PCI: "0x1d0f\n", "sys/class/dmi/id/sys_vendor": "Amazon EC2\n",
                     "dev/nvidia0": "", "dev/nvidiactl": "", "dev/nvidia-uvm": "",
                     "proc/cpuinfo": cpuinfo("0x41", "0xd4f", A78, 4)}),
        ("aarch64", {"proc/device-tree/model": "linux,dummy-virt\0", **GUEST}),
        ("x86_64", {}),
    ],
)  # fmt: skip
def test_a_machine_that_claims_nothing_is_no_emulated_jetson(
    tmp_path: Path, machine: str, files: dict[str, str]
) -> None:
    result = look(plant_files(tmp_path, files), machine)
    assert (result.emulated, result.claims) == (False, ())
    assert look(tmp_path, machine, **ON).emulated is True


def test_what_is_hidden_is_unknown(tmp_path: Path) -> None:
    result = look(plant(tmp_path, "orin"))
    assert (result.emulated, result.buses_seen) == (None, False)
    assert "/sys/bus is not to be seen" in result.reasons[0]
    (plant_files(tmp_path, BOARD_BUS) / "proc/cpuinfo").write_text("")
    assert look(tmp_path).emulated is None


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"claims": None, "machine": "aarch64"}])
def test_nothing_observed_is_unknown(raw: Any) -> None:
    result, reasons = emulation.judge(raw)
    assert result is None
    assert reasons


def made(device: dict[str, Any], observed: dict[str, Any]) -> dict[str, Any]:
    known = session.tasks()
    tasks = {
        name: session.judge_task(item, known[name], "full", device)
        for name, item in observed.items()
    }
    observations = {"device": device, "tasks": observed}
    return report.document(tasks, observations, session.Settings(level="full"), "gpu")


def emulated_report() -> dict[str, Any]:
    return made({**sample.ORIN, "emulation": sample.VM}, {"FaceLandmarker": sample.orin()})


def test_every_reading_of_a_report_tells_it() -> None:
    result = emulated_report()
    jsonschema.validate(json.loads(report.as_json(result)), schema("verify"))
    assert (result["verdict"], result["emulated"], result["as_expected"]) == (
        "unknown",
        True,
        False,
    )
    assert report.text(result).splitlines()[1].startswith("  this device is emulated: ")
    assert '<property name="emulated" value="true" />' in report.junit(result)
    assert 'verdict="unknown",emulated="true"} 1' in report.prometheus(result)
    assert "emulated device)" in report.nagios(result)[0]
    nothing = made({**sample.ORIN, "emulation": None}, {"FaceLandmarker": sample.orin()})
    assert (nothing["verdict"], nothing["emulated"]) == ("unknown", None)
    assert 'emulated="unknown"' in report.prometheus(nothing)


def strike(observed: dict[str, Any], *, marks: bool, raw: bool) -> dict[str, Any]:
    """Return the report with what would give it away struck out by hand."""
    copy: dict[str, Any] = json.loads(json.dumps(observed))
    for item in (copy, *copy["tasks"].values()):
        item["verdict"] = "gpu"
    if marks:
        copy["emulated"], copy["emulated_reasons"] = False, []
    if raw:
        copy["observations"]["device"]["emulation"] = sample.BOARD
    return copy


@pytest.mark.parametrize(
    ("marks", "raw", "variables"),
    [
        (False, False, {}),
        (True, False, {}),
        (False, True, {}),
        (True, True, ON),  # judged where it was made, which still is what it is
    ],
)
def test_no_edit_makes_it_hardware(
    tmp_path: Path, marks: bool, raw: bool, variables: dict[str, Any]
) -> None:
    path, second = tmp_path / "report.json", tmp_path / "again.json"
    path.write_text(report.as_json(strike(emulated_report(), marks=marks, raw=raw)))
    done = wheel("verify", "--read", str(path), "--json", str(second), **variables)
    assert (done.returncode, done.stdout.split()[0]) == (1, "unknown")
    assert "emulated-device" in done.stdout
    document = json.loads(second.read_text())
    jsonschema.validate(document, schema("verify"))
    assert document["emulated"] is True
    # And once more from what was just written.
    assert wheel("verify", "--read", str(second)).returncode == 1


def test_info_and_doctor_tell_it() -> None:
    for command in ("info", "doctor"):
        document = json.loads(wheel(command, "--json", **ON).stdout)
        jsonschema.validate(document, schema(command))
        where = document["emulation"] if command == "info" else document
        assert where["emulated"] is True
        assert "emulated" in wheel(command, **ON).stdout
