"""How targets are shown: a table, one release in full, a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jetson_kit.audit import planned
from jetson_kit.targets.detect import DeviceFacts
from jetson_kit.targets.table import Module, Target, Targets

SCHEMA = "mediapipe-jetson-kit/targets"
SCHEMA_VERSION = 1
UNKNOWN = "?"
FOOT = """\
* is taken when none is named. Nano TX: TX1, Nano and TX2. Arm: what every board
of the release runs. Tier: what it was proven on. All boards get a wheel with GPU
code, Xavier, TX2, TX1 and Nano a translated one: verify proves what a board does
with it. One in full: --l4t r36.4.4"""


def document(
    table: Targets,
    chosen: tuple[Target, ...],
    device: DeviceFacts | None = None,
    module: Module | None = None,
) -> dict[str, Any]:
    """Return the JSON document: the chosen targets, the modules that they name, the SoCs.

    `device` is there when a device was asked: its raw answers and its module's id or null.
    An unknown version is null.
    """
    modules = dict.fromkeys(module for target in chosen for module in target.modules)
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "default": table.default.l4t,
        "targets": [_target(target) for target in chosen],
        "modules": {item.id: _module(item) for item in modules},
        "socs": {item.soc.id: asdict(item.soc) for item in modules},
    }
    if device:
        result["device"] = {**asdict(device), "l4t": device.l4t, "module": module and module.id}
    return result


def _target(target: Target) -> dict[str, Any]:
    row = asdict(target)
    row["modules"] = [module.id for module in target.modules]
    for key in ("cudnn", "tensorrt", "jetpack_of", "ngc_base", "ngc_fallback", "note"):
        row[key] = row[key] or None
    return {
        "name": target.name,
        **row,
        "arm_level": target.arm_level,
        "ngc_image": target.ngc_image,
    }


def _module(module: Module) -> dict[str, Any]:
    row = asdict(module)
    row["soc"] = module.soc.id
    return row


def console() -> Console:
    """Return a console that wraps nothing below 80 columns, where rows stay on one line."""
    result = Console(highlight=False, markup=False)
    return result if result.width >= 80 else Console(highlight=False, markup=False, width=80)


def print_all(table: Targets) -> None:
    """Print every release on a line of at most 80 columns."""
    out = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("L4T", "JetPack", "Ubuntu", "Py", "CUDA", "TensorRT", "Boards", "Arm", "Tier"):
        out.add_column(head, no_wrap=True)
    for target in table.all:
        boards = " ".join(soc.family for soc in target.socs)
        out.add_row(
            f"{target.l4t}{'*' if target is table.default else ''}",
            target.jetpack,
            target.ubuntu,
            target.python,
            target.cuda,
            target.tensorrt or UNKNOWN,
            boards.replace("TX1/Nano TX2", "Nano TX"),
            target.arm_level.removeprefix("arm"),
            target.tier,
        )
    result = console()
    result.print(out)
    result.print(FOOT)


def _gpu(target: Target) -> Iterator[str]:
    """Yield what images for each kind of board get."""
    for soc in target.socs:
        best = planned.best(soc, target)
        if best:
            yield f"{soc.family}: {best.gpu}, MediaPipe {best.pin.jetson_version}"


def print_one(
    target: Target, device: DeviceFacts | None = None, module: Module | None = None
) -> None:
    """Print all that is known of one release, and of the device if one was asked."""
    rows: list[tuple[str, str]] = []
    if device:
        model = device.model or "a device that gives no model"
        rows += [("Device", model), ("Its module", module.id if module else "not known")]
    rows += [
        ("L4T", target.name),
        ("JetPack", target.jetpack),
        ("Ubuntu", f"{target.ubuntu}, glibc {target.glibc}, Python {target.python}"),
        ("Kernel", target.kernel),
        ("CUDA", target.cuda),
        ("cuDNN", target.cudnn or UNKNOWN),
        ("TensorRT", target.tensorrt or UNKNOWN),
        ("Modules", ", ".join(item.id for item in target.modules)),
        ("GPUs", ", ".join(f"{soc.family} (SM {soc.sm})" for soc in target.socs)),
        ("CPUs", ", ".join(f"{soc.cpu} ({soc.arm_level})" for soc in target.socs)),
        ("Arm level", target.arm_level),
        ("GPU code", "\n".join(_gpu(target))),
        ("Driver", "\n".join(target.driver_dirs)),
        ("NGC image", f"{target.ngc_image}{'' if target.ngc_base else ' (the nearest there is)'}"),
        ("ansible-core", f"{target.ansible_core_min} to {target.ansible_core_max}"),
        ("Confidence", target.confidence),
        ("Tier", target.tier),
    ]
    if target.note:
        rows.append(("Note", target.note))
    out = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    out.add_column(no_wrap=True)
    out.add_column(overflow="fold")
    for key, value in rows:
        out.add_row(Text(key, style="bold"), value)
    console().print(out)
