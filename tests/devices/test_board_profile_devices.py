"""The face of every module on every release, read back by the kit's own detection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import emulation, l4t, module

from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.targets.detect import SCRIPT, identify, parse, soc_of
from jetson_kit.virtual_devices import board_profile, board_rows, dtb
from tests.devices.stage import on_stage, put
from tests.support.here import skip_without

pytestmark = pytest.mark.slow

FOLDER = board_rows.load()["folder"]
BRANCHES = sorted({item.branch for item in targets.load().all})


def read_back(root: Path) -> str:
    """Return what SCRIPT prints with its paths led below `root`; dpkg is the real one."""
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True, exist_ok=True)
    status.write_text(f"\n{(root / FOLDER.lstrip('/') / 'dpkg-status').read_text()}")
    script = SCRIPT.replace("/etc/nv_tegra_release", f"{root}/etc/nv_tegra_release")
    tree = f"{root}{FOLDER}/device-tree"
    script = script.replace("/proc/device-tree", f"{root}/none")
    script = script.replace("/sys/firmware/devicetree/base", tree)
    environment = {"PATH": "/usr/bin:/bin", "DPKG_ADMINDIR": str(status.parent)}
    done = subprocess.run(
        ["sh", "-s"], input=script, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_module_and_release_is_read_back(tmp_path: Path, branch: str) -> None:
    table = targets.load()
    for target in table.all:
        if target.branch != branch:
            continue
        for expected in target.modules:
            profile = board_profile.make(expected.id, target.l4t, "container", "amd64")
            root = put(tmp_path / f"{expected.id}-{target.l4t}", profile)
            facts = parse(read_back(root))
            assert identify(facts) == (target, expected), (target.l4t, expected.id)
            assert soc_of(facts, table) == expected.soc
            assert (facts.model, facts.compatible, facts.dts) == (
                profile.tree.model, profile.tree.compatible, profile.tree.dts,
            )  # fmt: skip
            # The release file alone tells the same as dpkg's record.
            reported = l4t.read(root)
            assert not isinstance(reported, Absent)
            assert reported.release == target.l4t
            assert reported.userspace_path == target.driver_dirs[0]


def test_every_module_has_a_row_and_no_row_is_left_over() -> None:
    rows = board_rows.load()
    assert set(rows["modules"]) == {item.id for item in targets.load().modules}
    assert set(rows["branches"]) == set(BRANCHES)
    assert set(rows["releases"]) <= {item.l4t for item in targets.load().all}
    for item in targets.load().modules:
        assert rows["modules"][item.id].get("part", item.part_numbers[0]) in item.part_numbers


def test_release_files_of_four_generations() -> None:
    def text(module_id: str, release: str) -> list[str]:
        return board_profile.release_file(board_rows.pick(module_id, release)).splitlines()

    assert text("nano", "32.7.1") == [
        "# R32 (release), REVISION: 7.1, GCID: 29689809, BOARD: t210ref, EABI: aarch64, "
        "DATE: Wed Feb  2 21:33:23 UTC 2022"
    ]
    assert "BOARD: t186ref" in text("xavier-nx", "35.4.1")[0]
    assert text("orin-nano-8gb", "36.4.3") == [
        "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
        "DATE: Wed Jan  8 01:49:37 UTC 2025",
        "# KERNEL_VARIANT: oot",
        "TARGET_USERSPACE_LIB_DIR=nvidia",
        "TARGET_USERSPACE_LIB_DIR_PATH=usr/lib/aarch64-linux-gnu/nvidia",
    ]
    assert text("agx-thor", "38.2.0")[-1] == "INSTALL_TYPE="


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"r36.4.4 does not run on nano"):
        board_profile.make("nano", "36.4.4", "vm", "arm64")
    with pytest.raises(BadInputError, match="unknown target"):
        board_profile.make("nano", "1.2.3", "vm", "arm64")


def test_only_machines_without_a_tree_of_their_own_get_one() -> None:
    for kind, arch, own in (("vm", "arm64", True), ("vm", "amd64", False),
                            ("container", "arm64", False)):  # fmt: skip
        paths = [file.path for file in board_profile.make("nano", "32.7.6", kind, arch).files]
        assert any("device-tree" in path for path in paths) is not own


@pytest.mark.parametrize(("module_id", "release"), [("tx1", "32.7.1"), ("agx-thor", "39.2.1")])
def test_put_on_a_whole_machine(tmp_path: Path, module_id: str, release: str) -> None:
    """The boot script, SCRIPT and the device wheel's own reading, on the real paths."""
    profile = board_profile.make(module_id, release, "container", "amd64")
    second = f"{FOLDER}/face; md5sum /var/lib/dpkg/status /etc/group /etc/docker/daemon.json"
    stage = on_stage(tmp_path, profile, f"{second}; {second}\necho @@@\n{SCRIPT}")
    twice, _, facts = stage.partition("@@@\n")
    lines = [line for line in twice.splitlines() if "  " in line]
    assert len(lines) == 6
    assert lines[:3] == lines[3:]
    target, result = identify(parse(facts))
    assert (target.l4t, result and result.id) == (release, module_id)


def test_marks_and_nodes_on_a_whole_machine(tmp_path: Path) -> None:
    profile = board_profile.make("orin-nano-8gb", "36.4.4", "container", "amd64")
    stage = on_stage(
        tmp_path,
        profile,
        "cat /etc/mediapipe-jetson/emulated; stat -c '%t %U:%G %a %n' /dev/nvmap "
        "/dev/dri/renderD128; grep ^render: /etc/group; tr '\\0' ' ' "
        "</sys/firmware/devicetree/base/compatible",
    )
    marker, nvmap, render, group, compatible = stage.splitlines()
    assert json.loads(marker) == {
        "emulated": True, "kind": "container", "arch": "amd64", "module": "orin-nano-8gb",
        "l4t": "36.4.4",
    }  # fmt: skip
    assert nvmap == "78 root:video 660 /dev/nvmap"
    assert render == "78 root:render 660 /dev/dri/renderD128"
    assert group.startswith("render:")
    assert compatible.split()[0] == "nvidia,p3768-0000+p3767-0005-super"


def test_a_docker_configuration_is_kept(tmp_path: Path) -> None:
    profile = board_profile.make("nano", "32.7.6", "container", "amd64")
    root = put(tmp_path / "face", profile)
    (root / "etc/docker").mkdir()
    (root / "etc/docker/daemon.json").write_text('{"log-level": "warn", "runtimes": {"a": {}}}')
    known = json.loads(on_stage(tmp_path, profile, "cat /etc/docker/daemon.json"))
    assert known["log-level"] == "warn"
    assert set(known["runtimes"]) == {"a", "nvidia"}


@pytest.mark.parametrize(("module_id", "release"), [("nano", "32.7.6"), ("agx-orin", "35.1.0")])
def test_qemu_s_device_tree_with_a_jetson_s_name(
    tmp_path: Path, module_id: str, release: str
) -> None:
    """QEMU's real tree, renamed, and what the guest would read of it."""
    profile = board_profile.make(module_id, release, "vm", "arm64")
    out = tmp_path / "tree.dtb"
    skip_without("qemu-arm", "fdtput", "fdtget")
    dtb.make(["qemu-system-aarch64", "virt", "-cpu", "cortex-a57", "-m", "256"], profile.tree, out)
    base = tmp_path / "proc/device-tree"
    base.mkdir(parents=True)
    for name in ("model", "compatible", "nvidia,dtsfilename"):
        done = subprocess.run(
            ["fdtget", "-t", "bx", out, "/", name], capture_output=True, text=True, check=True
        )
        (base / name).write_bytes(bytes(int(word, 16) for word in done.stdout.split()))
    nodes = subprocess.run(["fdtget", "-l", out, "/"], capture_output=True, text=True, check=True)
    for name in nodes.stdout.split():
        (base / name).mkdir(exist_ok=True)
    result = module.read(tmp_path)
    assert not isinstance(result, Absent)
    assert (result.model, result.compatible) == (profile.tree.model, profile.tree.compatible)
    # QEMU's own nodes are still in it: that it is a guest can't be hidden by the name.
    seen = emulation.read(tmp_path, {}, "aarch64")
    assert seen.emulated is True
    assert any("fw_cfg" in thing for thing in seen.virtual)
