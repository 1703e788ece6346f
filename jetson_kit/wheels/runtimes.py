"""Which TensorRT an image has or gets: NVIDIA's own image's, or the lean runtime from PyPI."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediapipe_jetson.engines import identity

from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from jetson_kit.targets.table import Soc, Target

TABLE = Path(__file__).with_name("runtimes.toml")
LOCKS = ROOT / "wheels" / "locks" / "tensorrt"
NGC = "ngc"
LEAN = "lean"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""Pythons of the images that run on GPUs with engines."""


@dataclass(frozen=True)
class Runtime:
    """TensorRT in an image. `why_not` is empty where engines can run there."""

    way: str
    tensorrt: str
    why_not: str = ""
    cure: str = ""
    builds: bool = False
    """Whether it can build engines on the board."""
    lock: Path | None = None
    """What is installed into the image for it."""
    download_mb: float = 0.0
    unpacked_mb: float = 0.0
    note: str = ""

    @property
    def lean(self) -> bool:
        """Tell whether it is the lean runtime."""
        return self.way == LEAN

    def as_json(self) -> dict[str, Any]:
        """Return it for a plan."""
        return {
            "way": self.way,
            "tensorrt": self.tensorrt,
            "builds": self.builds,
            "lock": self.lock.relative_to(ROOT).as_posix() if self.lock else "",
            "download_mb": self.download_mb,
            "unpacked_mb": self.unpacked_mb,
            "note": self.note,
        }


@functools.cache
def table() -> dict[str, Any]:
    """Return runtimes.toml."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def way_of(target: Target) -> tuple[str, str]:
    """Return how TensorRT comes into images for a release, and why it doesn't where it is none."""
    row = table()["branch"][target.branch]
    if row["way"] != "none" and not target.tensorrt:
        return "none", f"which TensorRT {target.name} has is not known"
    return str(row["way"]), str(row.get("why", ""))


def lean_for(target: Target, socs: Sequence[Soc]) -> str:
    """Return the lean runtime for a release: its own version, else the next that runs its engines.

    It must have kernels for all the SoCs. "" where PyPI has none.
    """
    able = [
        version
        for version, row in table()["lean"].items()
        if {soc.sm for soc in socs} <= set(row["sms"])
    ]
    for version in able:
        if identity.same_version(target.tensorrt, version):
            return str(version)
    later = [item for item in able if identity.later_runs(target.tensorrt, item)]
    return min(later, key=targets.version_key, default="")


def for_image(target: Target, socs: Sequence[Soc], base: str, python: str) -> Runtime:
    """Return TensorRT in an image: `base` is debian or a reference, `python` that of the image."""
    way, why = way_of(target)
    if way == "none":
        return Runtime("none", "", why, "leave out --engines")
    if way == NGC:
        return _from_ngc(target, base, python)
    return _lean(target, socs, python)


def _from_ngc(target: Target, base: str, python: str) -> Runtime:
    cure = "add --base ngc"
    if base != target.ngc_image:
        return Runtime(NGC, "", f"TensorRT {target.tensorrt} is in NVIDIA's image alone", cure)
    if python != target.python:
        why = f"its Python module is for Python {target.python}, the image has {python}"
        return Runtime(NGC, "", why, "leave out --python")
    # The nearest image may be of another release; its tag names it.
    named = base.rpartition(":r")[2]
    result = next((item for item in targets.load().all if item.l4t == named), target)
    bindings = table()["branch"][target.branch]["cuda_bindings"]
    return Runtime(
        NGC, result.tensorrt, builds=True, lock=_lock(f"cuda{bindings}", python),
        note=f"TensorRT {result.tensorrt} is {base}'s own",
    )  # fmt: skip


def _lean(target: Target, socs: Sequence[Soc], python: str) -> Runtime:
    version = lean_for(target, socs)
    if not version:
        why = f"PyPI has no lean runtime that runs engines of TensorRT {target.tensorrt}"
        return Runtime(LEAN, "", why, "leave out --engines")
    row = table()["lean"][version]
    own = identity.same_version(target.tensorrt, version)
    note = f"TensorRT's lean runtime {version} from PyPI"
    if not own:
        note += f", the next to {target.name}'s own {target.tensorrt}, which is not published"
    return Runtime(
        LEAN, version, lock=_lock(f"lean{version}", python), download_mb=row["download_mb"],
        unpacked_mb=row["unpacked_mb"], note=note,
    )  # fmt: skip


def _lock(name: str, python: str) -> Path:
    return LOCKS / f"{name}-py{python}.txt"


def lock_of(runtime: Runtime) -> Path:
    """Return the lock of a runtime that an image can have. Raises BadInputError without one."""
    if runtime.lock is None or not runtime.lock.is_file():
        name = runtime.lock.name if runtime.lock else "none"
        raise BadInputError(f"there is no lock {name} for TensorRT", "choose another --python")
    return runtime.lock


def wanted_locks() -> dict[Path, list[str]]:
    """Return every lock that some release needs, and what it is made of."""
    result: dict[Path, list[str]] = {}
    for target in targets.load().all:
        way, _ = way_of(target)
        if way == "none":
            continue
        bindings = table()["branch"][target.branch]["cuda_bindings"]
        if way == NGC:
            result[_lock(f"cuda{bindings}", target.python)] = [f"cuda-bindings=={bindings}"]
            continue
        for socs in (target.socs, *((soc,) for soc in target.socs)):
            version = lean_for(target, socs)
            for python in PYTHONS if version else ():
                result[_lock(f"lean{version}", python)] = [
                    f"tensorrt-lean-cu13-bindings=={version}",
                    f"tensorrt-lean-cu13-libs=={version}",
                    f"cuda-bindings=={bindings}",
                ]
    return result


def platform() -> str:
    """Return the machine that the locks are for, by uv's name of it."""
    return f"aarch64-{table()['manylinux']}"


def make_lock(path: Path, requirements: Sequence[str], *, upgrade: bool = False) -> str:
    """Return the text of a lock. Raises as uv.compile_lock."""
    path.parent.mkdir(exist_ok=True)
    return uv.compile_lock(
        requirements,
        platform=platform(),
        python=path.stem.rpartition("-py")[2],
        keep=None if upgrade else path,
    )
