"""What devices of every generation say of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    release: str
    core: str
    model: str
    compatible: tuple[str, ...]
    l4t: str
    soc: str
    module: str
    dts: str = ""
    more: str = field(default="", kw_only=True)


def release(branch: int, revision: str) -> str:
    return (
        f"# R{branch} (release), REVISION: {revision}, GCID: 29689809, BOARD: generic, "
        "EABI: aarch64, DATE: Wed Feb  2 21:33:23 UTC 2022"
    )


SAMPLES = {
    "tx1": Sample(
        release(32, "7.1"),
        "",
        "jetson_tx1",
        ("nvidia,p2371-2180", "nvidia,tegra210"),
        "32.7.1",
        "tegra210",
        "tx1",
        "/dts/tegra210-jetson-tx1-p2597-2180-a01-devkit.dts",
    ),
    "nano": Sample(
        release(32, "7.6"),
        "",
        "NVIDIA Jetson Nano Developer Kit",
        ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
        "32.7.6",
        "tegra210",
        "nano",
        "/dvs/tegra210-p3448-0000-p3449-0000-b00.dts",
    ),
    "tx2": Sample(
        release(32, "7.6"),
        "32.7.6-20241104234540",
        "quill",
        ("nvidia,p2597-0000+p3310-1000", "nvidia,tegra186"),
        "32.7.6",
        "tegra186",
        "tx2",
    ),
    "agx-xavier": Sample(
        release(35, "4.1"),
        "",
        "Jetson-AGX",
        ("nvidia,p2972-0000", "nvidia,tegra194"),
        "35.4.1",
        "tegra194",
        "agx-xavier",
    ),
    "xavier-nx": Sample(
        release(35, "6.0"),
        "",
        "NVIDIA Jetson Xavier NX Developer Kit",
        ("nvidia,p3509-0000+p3668-0001", "nvidia,tegra194"),
        "35.6.0",
        "tegra194",
        "xavier-nx",
    ),
    "first of r34": Sample(
        release(34, "1.0"),
        "",
        "NVIDIA Jetson AGX Orin Developer Kit",
        ("nvidia,p3737-0000+p3701-0000", "nvidia,p3701-0000", "nvidia,tegra234"),
        "34.1.0",
        "tegra234",
        "agx-orin",
    ),
    "orin-nano super, raised by apt": Sample(
        release(36, "4.4"),
        "36.4.7-20250918154033",
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        ("nvidia,p3768-0000+p3767-0005-super", "nvidia,p3767-0005", "nvidia,tegra234"),
        "36.4.7",
        "tegra234",
        "orin-nano-8gb",
        more="# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\n",
    ),
    "orin-nx": Sample(
        release(36, "4.3"),
        "",
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        ("nvidia,p3509-0000+p3767-0000", "nvidia,p3767-0000", "nvidia,tegra234"),
        "36.4.3",
        "tegra234",
        "orin-nx-16gb",
    ),
    "thor": Sample(
        release(38, "2.2"),
        "",
        "NVIDIA Jetson AGX Thor Developer Kit",
        ("nvidia,p4071-0000+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"),
        "38.2.2",
        "tegra264",
        "agx-thor",
        more="INSTALL_TYPE=\n",
    ),
    "thor r39": Sample(
        release(39, "2.1").replace("21:33:23 UTC", "05:54:22 AM UTC"),
        "",
        "NVIDIA Jetson AGX Thor Developer Kit",
        ("nvidia,p3971-0089+p3834-0008", "nvidia,p3834-0008", "nvidia,tegra264"),
        "39.2.1",
        "tegra264",
        "agx-thor",
    ),
    "own carrier": Sample(
        release(36, "5.0"),
        "36.5.0-20260115194252",
        "Some Camera",
        ("acme,camera", "nvidia,tegra234"),
        "36.5.0",
        "tegra234",
        "",
    ),
}


def answer(sample: Sample) -> str:
    """Return what the script prints on such a device."""
    compatible = "\n".join(sample.compatible)
    return (
        f"Welcome!\n@@release\n{sample.release}\n@@core\n{sample.core}\n\n@@model\n{sample.model}\n"
        f"\n@@compatible\n{compatible}\n\n@@nvidia,dtsfilename\n{sample.dts}\n\n@@end\n"
    )
