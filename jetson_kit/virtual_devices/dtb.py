"""QEMU's own device tree, with a Jetson's name in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.run import run
from jetson_kit.virtual_devices.spec import DeviceTree


def make(machine: Sequence[str], tree: DeviceTree, out: Path) -> Path:
    """Write the tree that QEMU gives a machine, renamed; return `out`.

    `machine` is the QEMU program and what shapes the tree: machine type, CPU, cores, memory.
    Raises ToolMissingError or StepFailedError.
    """
    program, kind, *rest = machine
    run(
        [program, "-machine", f"{kind},dumpdtb={out}", *rest, "-nodefaults", "-display", "none"],
        what="reading QEMU's device tree",
    )
    name(out, tree)
    return out


def name(dtb: Path, tree: DeviceTree) -> None:
    """Give a device tree file the model, the compatible list and the file name of `tree`."""
    values = {"model": (tree.model,), "compatible": tree.compatible}
    if tree.dts:
        values["nvidia,dtsfilename"] = (tree.dts,)
    for key, strings in values.items():
        run(["fdtput", "-t", "s", dtb, "/", key, *strings], what=f"naming the device's {key}")
