"""Engines and ONNX files in an image: which fit its target, and the layers that they become."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediapipe_jetson.engines import fit, identity
from mediapipe_jetson.engines import manifest as device_manifest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core import cached_files
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.text import counted
from jetson_kit.targets.table import Soc, Target
from jetson_kit.tensorrt import manifest, signed, sources, store
from jetson_kit.wheels import pysite, runtimes
from jetson_kit.wheels.pysite import Installed
from jetson_kit.wheels.runtimes import Runtime

ONNX, STORE = "onnx", "store"
FOLDER = "opt/mediapipe/engines"
PRECISION = "fp16"
"""What ONNX files are for: the faster one, by which a board builds."""
BUILD = "build them: ./inv engines.build -i INVENTORY"


@dataclass(frozen=True)
class EnginePlan:
    """What of engines an image gets; `engines` and `onnx` are file names for a reader."""

    requested: str
    runtime: Runtime
    folders: tuple[Path, ...]
    """Where the engines lie, one folder a class of boards."""
    engines: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def with_onnx(self) -> bool:
        """Tell whether ONNX files come along: where the board can build from them."""
        return self.runtime.builds

    def as_json(self) -> dict[str, Any]:
        """Return it for a plan's JSON."""
        return {
            "asked": self.requested,
            "tensorrt": self.runtime.as_json(),
            "engines": list(self.engines),
            "onnx": PRECISION if self.with_onnx else "",
        }


def plan(requested: str, target: Target, socs: Sequence[Soc], base: str, python: str) -> EnginePlan:
    """Return what an image gets: `requested` is onnx, store or a folder. It reads manifests alone.

    Raises BadInputError: where the base can't run engines, where none fits, where what is there is
    a stand-in's.
    """
    runtime = runtimes.for_image(target, socs, base, python)
    if runtime.why_not:
        raise BadInputError(
            f"no engines for {target.name} on {base}: {runtime.why_not}", runtime.cure
        )
    runtimes.lock_of(runtime)
    if requested == ONNX:
        if not runtime.builds:
            raise BadInputError(
                f"--engines onnx: {runtime.note}, which builds no engines on a board",
                f"{BUILD}; then take --engines store",
            )
        notes: tuple[str, ...] = (
            runtime.note,
            "Boards build their engines in the background at first use.",
        )
        return EnginePlan(requested, runtime, (), (), notes)
    folders = tuple(_folders(requested))
    fitting, refused = _fit(folders, runtime, socs)
    if not fitting:
        message = "; ".join(refused[:3]) or f"there are none in {requested}"
        cure = BUILD + (", or take --engines onnx" if runtime.builds else "")
        raise BadInputError(f"no engine fits {target.name}: {message}", cure)
    result = {item.identity.sm for item in fitting}
    without = [soc for soc in socs if soc.sm not in result]
    notes = (runtime.note,)
    if without:
        names = ", ".join(f"{soc.family} (SM {soc.sm})" for soc in without)
        notes += (f"There are no engines for {names}: other backends serve there.",)
    kept_folders = tuple(dict.fromkeys(item.folder for item in fitting))
    return EnginePlan(requested, runtime, kept_folders, tuple(item.file for item in fitting), notes)


def _folders(requested: str) -> Iterator[Path]:
    if requested == STORE:
        for place in sorted(store.home().iterdir()) if store.home().is_dir() else ():
            if not place.name.startswith(".") and (place / manifest.FILE).is_file():
                yield place
        return
    place = Path(requested).expanduser().absolute()
    if not place.is_dir():
        raise BadInputError(
            f"--engines {requested}: there is no such folder", "write store, onnx or a folder"
        )
    yield place


def _fit(
    folders: Sequence[Path], runtime: Runtime, socs: Sequence[Soc]
) -> tuple[list[Any], list[str]]:
    """Return the engines that run in the image on one of the SoCs, and why others do not."""
    fitting: dict[str, Any] = {}
    refused: dict[str, None] = {}
    for folder in folders:
        for engine in manifest.read(folder).engines:
            places = [identity.LocalRuntime(soc.sm, runtime.tensorrt, runtime.lean) for soc in socs]
            reasons = [fit.problem(engine, place) for place in places]
            if None in reasons:
                fitting.setdefault(engine.file, engine)
            else:
                refused[f"{engine.file}: {reasons[0]}"] = None
    return list(fitting.values()), list(refused)


@dataclass(frozen=True)
class EngineLayers:
    """The layers: TensorRT and CUDA's bindings, then engines and ONNX files."""

    tars: tuple[tuple[str, Path], ...]
    installed: tuple[Installed, ...]
    files: tuple[tuple[str, str], ...]
    """(file name, sha256)"""


def make(plan: EnginePlan, python: str, arch: str, progress: Progress) -> EngineLayers:
    """Make the layers. Raises IntegrityError for files that are not as listed or not signed."""
    with progress.step("tensorrt", plan.runtime.note):
        site = pysite.beside(
            runtimes.lock_of(plan.runtime), python, arch, runtimes.table()["manylinux"],
            runtimes.table()["leave_out"],
        )  # fmt: skip
    source = sources.prepare(progress) if plan.with_onnx else None
    with progress.step("engines", f"{counted(len(plan.engines), 'engine')}, checked by hash"):
        rows = [row for folder in plan.folders for row in checked(folder).engines]
        engines = [row for row in rows if row.file in plan.engines]
        listed = manifest.read(source).onnx if source else ()
        onnx = [row for row in listed if row.precision == PRECISION]
        tar = _tar(engines, onnx, _link(plan.runtime, python))
    files = tuple((item.file, item.sha256) for item in (*engines, *onnx))
    return EngineLayers((("tensorrt.tar", site.tar), ("engines.tar", tar)), site.installed, files)


def checked(folder: Path) -> Any:  # noqa: ANN401
    """Return a folder's manifest after all was checked: bytes, signature if any, stand-ins.

    Raises IntegrityError.
    """
    result = manifest.read(folder)
    manifest.check_files(result)
    signature = folder / (manifest.FILE + signed.SUFFIX)
    if signature.exists() or (folder / signed.SIGNERS).exists():
        store.read(folder)
    false = manifest.stand_ins(result)
    if false:
        raise IntegrityError(
            f"{folder / false[0]} is a stand-in's file and no engine", f"for real boards, {BUILD}"
        )
    return result


def _link(runtime: Runtime, python: str) -> tuple[str, str] | None:
    """Return the link by which our environment finds the module that NVIDIA's image has."""
    if runtime.lean:
        return None
    place = f"{pysite.PREFIX}/lib/python{python}/site-packages/tensorrt"
    return place, f"/usr/lib/python{python}/dist-packages/tensorrt"


def _tar(engines: Sequence[Any], onnx: Sequence[Any], link: tuple[str, str] | None) -> Path:
    """Return the layer of engines and ONNX files with one manifest for all; equal when equal."""
    body = device_manifest.Manifest(Path(FOLDER), tuple(engines), tuple(onnx)).as_json()
    text = json.dumps(body, indent=1) + "\n"
    key = hashlib.sha256(f"{text}{link}".encode()).hexdigest()[:16]
    tar = cache_dir("layers") / f"engines-{key}.tar"
    if not cached_files.intact(tar):
        with cached_files.create(tar) as aside, LayerTar(aside) as layer:
            layer.data(f"{FOLDER}/{manifest.FILE}", text)
            for entry in sorted((*engines, *onnx), key=lambda row: row.file):
                layer.file(f"{FOLDER}/{entry.file}", entry.path)
            for check in sorted({item.checks for item in onnx}):
                layer.file(f"{FOLDER}/{check.name}", check)
            if link:
                layer.link(*link)
    return tar
