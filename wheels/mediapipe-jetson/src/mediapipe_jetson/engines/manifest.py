"""engines.json: what a folder's engines and ONNX files are (data/engines.schema.json).

Whoever reads it trusts nothing by its name: a damaged or foreign manifest is refused as a whole,
an engine whose bytes are others is refused before TensorRT sees it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from mediapipe_jetson import __version__
from mediapipe_jetson.backends.base import TensorSpec
from mediapipe_jetson.engines import schema
from mediapipe_jetson.engines.errors import DamagedEngineError, ManifestError
from mediapipe_jetson.engines.identity import VERSION_COMPATIBLE, Identity

SCHEMA = "mediapipe-jetson/engines/1"
FILE = "engines.json"
CHECKS = ".check.zip"
"""What stands behind `<sub_model>-<sha12>` in the name of the file of expected outputs."""
NO_ENGINE = b"mediapipe-jetson: NOT AN ENGINE"
"""What a stand-in's file begins with."""
SIDES = ("inputs", "outputs")
MOST_BYTES = 1 << 20
MOST_ENGINE_BYTES = 1 << 30


@dataclass(frozen=True)
class Check:
    """What was shown of an engine on the board; `ok` is None where it could not be run."""

    ok: Optional[bool]
    why: str
    max_rel_err: Optional[float] = None
    tolerance: Optional[float] = None
    median_ms: Optional[float] = None


@dataclass(frozen=True)
class Engine:
    """One engine of a manifest; `folder` is where it lies."""

    folder: Path
    file: str
    sha256: str
    size: int
    identity: Identity
    onnx_sha256: str
    flags: tuple[str, ...]
    builder: str
    build_s: float
    emulated: bool
    check: Check
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    """Both in TFLite's order, whatever TensorRT's own is."""

    @property
    def path(self) -> Path:
        """Return the file."""
        return self.folder / self.file

    def as_json(self) -> dict[str, Any]:
        """Return its entry in the manifest."""
        own = self.identity
        return {
            "file": self.file,
            "sha256": self.sha256,
            "size": self.size,
            "sub_model": own.sub_model,
            "source_sha256": own.source_sha256,
            "onnx_sha256": self.onnx_sha256,
            "sm": own.sm,
            "tensorrt": own.tensorrt,
            "precision": own.precision,
            "flags": list(self.flags),
            "builder": self.builder,
            "build_s": self.build_s,
            "emulated": self.emulated,
            "check": {k: v for k, v in asdict(self.check).items() if v is not None or k == "ok"},
            **_specs_as_json(self),
        }


@dataclass(frozen=True)
class Onnx:
    """One ONNX file of a manifest."""

    folder: Path
    file: str
    sha256: str
    size: int
    sub_model: str
    source_sha256: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def path(self) -> Path:
        """Return the file."""
        return self.folder / self.file

    @property
    def checks(self) -> Path:
        """Return the file of inputs and expected outputs; it need not be there."""
        return self.folder / f"{self.sub_model}-{self.source_sha256[:12]}{CHECKS}"

    def as_json(self) -> dict[str, Any]:
        """Return its entry in the manifest."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "size": self.size,
            "sub_model": self.sub_model,
            "source_sha256": self.source_sha256,
            "precision": self.precision,
            **_specs_as_json(self),
        }


@dataclass(frozen=True)
class Manifest:
    """A folder's manifest; `device` is {} where no board built anything of it."""

    folder: Path
    engines: tuple[Engine, ...] = ()
    onnx: tuple[Onnx, ...] = ()
    device: Mapping[str, Any] = field(default_factory=dict)

    @property
    def emulated(self) -> bool:
        """Tell whether any engine is a stand-in's."""
        return any(engine.emulated for engine in self.engines)

    def as_json(self) -> dict[str, Any]:
        """Return the document; its order depends on nothing but its contents."""
        body: dict[str, Any] = {
            "schema": SCHEMA,
            "kit": __version__,
            "emulated": self.emulated,
            "engines": [
                engine.as_json() for engine in sorted(self.engines, key=lambda engine: engine.file)
            ],
            "onnx": [item.as_json() for item in sorted(self.onnx, key=lambda item: item.file)],
        }
        if self.device:
            body["device"] = dict(self.device)
        return body


def read(folder: Path) -> Optional[Manifest]:
    """Return a folder's manifest; None where there is none. Raises ManifestError."""
    path = folder / FILE
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise ManifestError(f"{path} has more than {MOST_BYTES} bytes")
    try:
        return parse(json.loads(raw), folder)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} is no manifest of engines: {error}") from error


def parse(body: Any, folder: Path) -> Manifest:  # noqa: ANN401 # JSON
    """Return the manifest that a document is. Raises ValueError with what is wrong."""
    schema.check(body)
    engines = tuple(_engine(row, folder) for row in body["engines"])
    if body["emulated"] is not any(engine.emulated for engine in engines):
        raise ValueError('"emulated" is not what its engines say')
    for item in engines:
        if item.file != item.identity.file:
            raise ValueError(
                f"{item.file} is named otherwise than what it is: {item.identity.file}"
            )
    names = [row["file"] for row in (*body["engines"], *body["onnx"])]
    if len(set(names)) != len(names):
        raise ValueError("a file is listed twice")
    onnx = tuple(Onnx(folder, **{**row, **_specs(row)}) for row in body["onnx"])
    return Manifest(folder, engines, onnx, body.get("device", {}))


def write(manifest: Manifest) -> Path:
    """Write the manifest into its folder, whole or not at all; its old signature goes first.

    Raises ManifestError for one that could not be read again.
    """
    path = manifest.folder / FILE
    body = manifest.as_json()
    try:
        parse(body, manifest.folder)
    except ValueError as error:
        raise ManifestError(f"{path} would be no manifest of engines: {error}") from error
    manifest.folder.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{FILE}.sig").unlink(missing_ok=True)
    write_aside(path, (json.dumps(body, indent=1) + "\n").encode())
    return path


def write_aside(path: Path, content: bytes) -> None:
    """Put a file in place by one rename, its bytes on the disk before."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def content(engine: Engine) -> bytes:
    """Return an engine's bytes, which are those that the manifest lists.

    They are hashed as they are handed over, not read a second time. Raises DamagedEngineError.
    """
    try:
        with engine.path.open("rb") as stream:
            raw = stream.read(min(engine.size, MOST_ENGINE_BYTES) + 1)
    except OSError as error:
        raise DamagedEngineError(f"{engine.path} can't be read: {error.strerror}") from error
    if len(raw) != engine.size:
        raise DamagedEngineError(
            f"{engine.path} has not the {engine.size} bytes that its manifest lists"
        )
    if raw.startswith(NO_ENGINE):
        raise DamagedEngineError(f"{engine.path} is a stand-in's file, no engine")
    value = hashlib.sha256(raw).hexdigest()
    if value != engine.sha256:
        raise DamagedEngineError(
            f"{engine.path} has sha256 {value[:12]}..., its manifest lists {engine.sha256[:12]}..."
        )
    return raw


def _engine(row: Mapping[str, Any], folder: Path) -> Engine:
    flags = tuple(row["flags"])
    identity = Identity(
        row["sub_model"],
        row["source_sha256"],
        row["sm"],
        row["tensorrt"],
        row["precision"],
        VERSION_COMPATIBLE in flags,
    )
    return Engine(
        folder,
        row["file"],
        row["sha256"],
        row["size"],
        identity,
        row["onnx_sha256"],
        flags,
        row["builder"],
        row["build_s"],
        row["emulated"],
        Check(**row["check"]),
        **_specs(row),
    )


def _specs(row: Mapping[str, Any]) -> dict[str, tuple[TensorSpec, ...]]:
    return {
        side: tuple(TensorSpec(item["name"], tuple(item["shape"])) for item in row[side])
        for side in SIDES
    }


def _specs_as_json(of: Union[Engine, Onnx]) -> dict[str, list[dict[str, Any]]]:
    return {
        side: [{"name": item.name, "shape": list(item.shape)} for item in getattr(of, side)]
        for side in SIDES
    }
