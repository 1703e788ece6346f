"""`wheels.build`, `wheels.device`, `wheels.lock`: both wheels of the kit, and the locks."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import OutputFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={
        "version": kinds.MEDIAPIPE,
        "arch": kinds.ARCH,
        "core": kinds.CORE,
        "python": kinds.PYTHON,
        "out": OutputFolder(),
    },
    help={
        "version": "MediaPipe version (the newest that is pinned)",
        "arch": "arm64 or amd64",
        "core": "translated for older cores: armv80 (TX1, Nano, TX2) or carmel (Xavier)",
        "python": "Python that it is for",
        "out": "folder for the wheel (dist/wheels)",
    },
)
def build(
    c: Context,
    version: str = "",
    arch: str = "arm64",
    core: str = "",
    python: str = "3.11",
    out: Path | None = None,
) -> None:
    """Repack the official MediaPipe wheel. Example: ./inv wheels.build --version 1.2.2."""
    from jetson_kit.core.files import sha256_file
    from jetson_kit.core.paths import ROOT
    from jetson_kit.wheels import pins as wheels
    from jetson_kit.wheels import repack

    del c
    pin = wheels.select(arch, python, version)
    if core:
        pin = wheels.translated_for(pin, core)
    path = repack.build(pin, out or ROOT / "dist" / "wheels")
    print(f"{path}\nsha256 {sha256_file(path)}\nfrom   {pin.filename}")


@kit_task(
    options={"out": OutputFolder()},
    help={"out": "folder for the wheels (dist/device-wheels)"},
)
def device(c: Context, out: Path | None = None) -> None:
    """Write the device wheel: pure, for arm64 and for amd64. Example: ./inv wheels.device.

    The wheels for one architecture also hold the counter that `verify` needs.
    """
    from jetson_kit.core.files import sha256_file
    from jetson_kit.core.paths import ROOT
    from jetson_kit.wheels import device_wheel

    del c
    for path in device_wheel.build_all(out or ROOT / "dist" / "device-wheels"):
        print(f"{path}\nsha256 {sha256_file(path)}")


@kit_task(
    help={
        "check": "change nothing; exit 1 if a lock does not fit",
        "upgrade": "take newer versions of what is locked",
    }
)
def lock(c: Context, check: bool = False, upgrade: bool = False) -> None:
    """Lock what each wheel class depends on. Example: ./inv wheels.lock --check."""
    from jetson_kit.wheels import locks

    del c
    for item in locks.update(check=check, upgrade=upgrade):
        state = "as it was" if item.fresh else "written"
        print(f"{item.path.name:26} {state:10} {' '.join(item.pins)}")
