"""The store of built engines: a folder for each class of boards, as one board of it signed it.

A class's folder is replaced as a whole, so that it is the old or the new; the signature and the
keys by which it was verified stay with it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import paths
from jetson_kit.core.errors import IntegrityError, KitError
from jetson_kit.core.files import disk_guard, locked
from jetson_kit.tensorrt import manifest, signed

EMULATED = "-emulated"


@dataclass(frozen=True)
class Class:
    """What boards share an engine: the GPU's SM, TensorRT's version, its kind of runtime.

    Emulated devices are a class of their own: what they make is no engine.
    """

    sm: str
    tensorrt: str
    lean: bool
    emulated: bool

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        tail = ("-lean" if self.lean else "") + (EMULATED if self.emulated else "")
        return f"sm{self.sm.replace('.', '')}-trt{self.tensorrt}{tail}"


def home() -> Path:
    """Return where the store is: $KIT_STATE/engines, else in the user's folder for state."""
    return paths.state_home() / "engines"


def root() -> Path:
    """Return the store, which is made where it is not there."""
    folder = home()
    with disk_guard(folder):
        return paths.make_folder(folder, paths.STATE)


@contextlib.contextmanager
def mine(engine_class: Class) -> Iterator[Path]:
    """Hold a class's lock; yield its folder, mended where a replacement was cut off."""
    place = root() / engine_class.name
    with locked(root() / f".{engine_class.name}.lock", lambda: None):
        old = _old(place)
        if old.exists() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        yield place


def read(place: Path) -> Any:  # noqa: ANN401 # mediapipe_jetson.engines.manifest.Manifest
    """Return a class's manifest, its signature and every file checked.

    Raises BadInputError where there is none, IntegrityError.
    """
    result = manifest.read(place)
    signed.verify_by(place / manifest.FILE, place / signed.SIGNERS, str(result.device.get("name")))
    manifest.check_files(result)
    return result


def has(place: Path, requested: dict[str, str]) -> bool:
    """Tell whether a class has engines of ONNX files, given by name and sha256, and all whole."""
    try:
        result = read(place)
    except KitError:
        return False
    return set(requested.values()) <= {engine.onnx_sha256 for engine in result.engines}


def builder(place: Path) -> str:
    """Return the name of the board that built what is there, "" if nothing is."""
    try:
        return str(manifest.read(place).device.get("name", ""))
    except KitError:
        return ""


def take(came: Path, keys: signed.Keys, engine_class: Class, requested: dict[str, str]) -> Any:  # noqa: ANN401
    """Check what came from a board, and put it in the store; `requested` as `has` takes it.

    Raises IntegrityError for what is not signed, not as it is listed, or not what was asked for.
    """
    signed.verify(came / manifest.FILE, keys)
    result = manifest.read(came)
    manifest.check_files(result)
    _judge(result, engine_class, requested)
    (came / signed.SIGNERS).write_text(keys.signers, encoding="utf-8")
    with mine(engine_class) as place, disk_guard(place):
        aside = place.with_name(f".{place.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(came, aside)
        if place.exists():
            place.rename(_old(place))
        aside.rename(place)
        shutil.rmtree(_old(place), ignore_errors=True)
        return read(place)


def _judge(received: Any, engine_class: Class, requested: dict[str, str]) -> None:  # noqa: ANN401
    """Raise IntegrityError unless a manifest has what was asked of this class, and no more."""
    listed = {row.onnx_sha256: row for row in received.engines}
    lacking = [name for name, digest in requested.items() if digest not in listed]
    if lacking:
        raise IntegrityError(f"{received.folder} lacks the engine of {lacking[0]}", "run it again")
    for row in received.engines:
        own = row.identity
        if (own.sm, own.tensorrt, own.version_compatible) != (
            engine_class.sm,
            engine_class.tensorrt,
            engine_class.lean,
        ):
            raise IntegrityError(f"{row.path} is not for {engine_class.name}", "run it again")
        if row.check.ok is False:
            raise IntegrityError(f"{row.path}: {row.check.why}", "see the board's own words")
    # An emulated device can't make a real engine, and a real board makes no stand-in's file.
    false = set(manifest.stand_ins(received)) != {
        row.file for row in received.engines if engine_class.emulated
    }
    if received.emulated is not engine_class.emulated or false:
        raise IntegrityError(
            f"{received.folder}: it does not say truly whether its engines are a stand-in's",
            "nothing of it is kept",
        )


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")
