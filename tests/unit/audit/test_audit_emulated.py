"""What the audit finds out by running: tiny libraries and official wheels on emulated CPUs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jetson_kit.audit import core, fetch, record
from jetson_kit.core.errors import BadInputError
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from tests.unit.tiny_wheel import GL_CODE, GL_IMPORTS, elf, wheel

# The newest of each wheel class.
NEWEST = {pin.wheel_class: f"mediapipe=={pin.version}" for pin in reversed(wheels.pins())}

LIB = "tiny/libtiny.so"
NOP, STADD_SP, SDOT, PTRUE, UDF = 0xD503201F, 0xB83F03FF, 0x4E809400, 0x2518E3E0, 0


@pytest.mark.qemu
@pytest.mark.network
@pytest.mark.parametrize(
    ("code", "level", "features", "loads"),
    [
        ([NOP], "armv8.0-a", (), "1111"),
        ([STADD_SP], "armv8.1-a", ("atomics",), "0111"),
        ([SDOT], "armv8.2-a", ("asimddp",), "0111"),
        ([PTRUE], "armv8.2-a", ("sve",), "0001"),
        ([UDF], None, (), "0000"),
    ],
)
def test_level_by_running(
    tmp_path: Path, code: list[int], level: str | None, features: tuple[str, ...], loads: str
) -> None:
    library = elf(code=code, needed=["libc.so.6"], imports=GL_IMPORTS, texts=GL_CODE)
    audit = core.audit(wheel(tmp_path, {LIB: library}), live=True)
    assert audit.measured is not None
    ran = "".join(str(int(bool(run.ok))) for run in audit.measured.emulation.runs)
    assert (audit.min_arm, audit.arm_features, ran) == (level, features, loads)
    nano = audit.verdict(targets.resolve("32.7.6"))
    assert (nano.verdict == "gpu") == ("1" in loads[:2])


@pytest.mark.qemu
@pytest.mark.network
def test_a_library_that_nobody_brings(tmp_path: Path) -> None:
    library = elf(needed=["libnothere.so.9"], imports=GL_IMPORTS, texts=GL_CODE)
    audit = core.audit(wheel(tmp_path, {LIB: library}), live=True)
    verdict = audit.verdict(targets.resolve("36.4.4"))
    assert verdict.verdict == "no"
    assert "libnothere.so.9" in verdict.reason


@pytest.mark.qemu
@pytest.mark.network
def test_one_broken_library_does_not_hide_the_others(tmp_path: Path) -> None:
    files = {
        "tiny/liba.so": elf(needed=["libnothere.so.9"]),
        "tiny/libb.so": elf(code=[STADD_SP], imports=GL_IMPORTS, texts=GL_CODE),
        "tiny/libc.so": elf(code=[NOP]),
    }
    audit = core.audit(wheel(tmp_path, files), live=True)
    assert audit.min_arm == "armv8.1-a"
    assert audit.verdict(targets.resolve("36.4.4")).verdict == "gpu"


@pytest.mark.qemu
@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("name", NEWEST.values())
def test_shipped_records_are_what_is_measured(name: str) -> None:
    path = fetch.fetch(name)
    measured = core.audit(path, live=True).measured
    shipped = record.load(core.native_arms(core.audit(path, live=False).libraries), live=False)
    assert measured is not None
    assert shipped is not None
    assert measured.emulation == shipped.emulation
    assert measured.inference.partition(" in ")[0] == shipped.inference.partition(" in ")[0]


# Facts that were seen in use, not by this audit: version, architecture, GPU, Delegate.
OFFICIAL = [
    ("0.10.18", "aarch64", False, "CPU=0 GPU=1"),
    ("0.10.21", "x86_64", True, "CPU=0 GPU=1"),
    ("0.10.35", "x86_64", True, "CPU=0 GPU=1"),
    ("1.0.0", "aarch64", False, "CPU=0 GPU=1"),
    ("1.0.1", "aarch64", True, "CPU=0 GPU=1"),
    ("1.1.1", "aarch64", True, "CPU=0 GPU=1"),
    ("1.2.2", "aarch64", True, "DEFAULT=0 CPU=1 GPU=2"),
    ("1.2.3", "aarch64", True, "DEFAULT=0 CPU=1 GPU=2"),
]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(("version", "arch", "gpu", "delegate"), OFFICIAL)
def test_official_wheels(version: str, arch: str, gpu: bool, delegate: str) -> None:
    audit = core.audit(fetch.fetch(f"mediapipe=={version}"), live=False)
    assert (audit.version, audit.arch, audit.gpu, audit.delegate) == (version, arch, gpu, delegate)
    assert not audit.tags_lie
    if arch == "aarch64":
        assert (audit.min_arm == "armv8.0-a") == (version == "0.10.18")
        assert (audit.verdict(targets.resolve("36.4.4")).verdict == "gpu") == gpu
    assert json.dumps(audit.to_json())


@pytest.mark.network
@pytest.mark.parametrize("name", ["mediapipe==99.0", "mediapipe==1.*", "mediapipe===="])
def test_names_that_lead_nowhere(name: str) -> None:
    with pytest.raises(BadInputError):
        fetch.fetch(name)
