"""Engines and ONNX files for tests: made of bytes that nobody runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mediapipe_jetson.backends.base import TensorSpec
from mediapipe_jetson.engines import manifest
from mediapipe_jetson.engines.identity import VERSION_COMPATIBLE, Identity
from mediapipe_jetson.engines.manifest import Check, Engine, Manifest, Onnx

SOURCE = hashlib.sha256(b"tflite").hexdigest()
INPUTS = (TensorSpec("in", (1, 2)),)
OUTPUTS = (TensorSpec("out", (1, 3)),)
BOARD = {
    "name": "camera-1", "module": "orin-nano-8gb", "l4t": "36.4.4", "sm": "8.7",
    "tensorrt": "10.3.0.30", "emulated_why": [],
}  # fmt: skip


def engine(folder: Path, raw: bytes = b"an engine", **other: Any) -> Engine:
    """Write an engine's file and return its entry; `other` is what differs from a usual one."""
    identity = Identity(
        other.get("sub_model", "face_detector"),
        other.get("source", SOURCE),
        other.get("sm", "8.7"),
        other.get("tensorrt", "10.3.0.30"),
        other.get("precision", "fp16"),
        other.get("lean", False),
    )
    result = Engine(
        folder,
        identity.file,
        hashlib.sha256(raw).hexdigest(),
        len(raw),
        identity,
        other.get("onnx", hashlib.sha256(b"onnx").hexdigest()),
        (VERSION_COMPATIBLE, "exclude-lean-runtime") if identity.version_compatible else (),
        "trtexec",
        1.5,
        other.get("emulated", False),
        Check(other.get("ok", True), "as expected"),
        INPUTS,
        OUTPUTS,
    )
    folder.mkdir(parents=True, exist_ok=True)
    result.path.write_bytes(raw)
    return result


def folder_of(folder: Path, *engines: Engine, onnx: tuple[Onnx, ...] = ()) -> Path:
    """Write the manifest of a folder and return the folder."""
    manifest.write(Manifest(folder, engines, onnx, BOARD))
    return folder


def tiny_onnx(*, broken: bool = False) -> bytes:
    """Return an ONNX model of one node; `broken`: it takes what nobody makes."""

    def field(number: int, raw: bytes) -> bytes:
        return bytes([number << 3 | 2, len(raw)]) + raw

    def tensor(name: bytes, *shape: int) -> bytes:
        sizes = b"".join(field(1, bytes([8, item])) for item in shape)
        return field(1, name) + field(2, field(1, bytes([8, 1]) + field(2, sizes)))

    node = field(1, b"gone" if broken else b"in") + field(2, b"out") + field(4, b"Relu")
    graph = field(1, node) + field(2, b"toy")
    graph += field(11, tensor(b"in", 1, 2)) + field(12, tensor(b"out", 1, 2))
    reported = {
        b"sub_model": b"face_detector",
        b"source_sha256": SOURCE.encode(),
        b"precision": b"fp16",
    }
    props = b"".join(field(14, field(1, key) + field(2, value)) for key, value in reported.items())
    return bytes([8, 7]) + field(8, bytes([16, 13])) + field(7, graph) + props


def onnx(folder: Path, raw: bytes = b"") -> Onnx:
    """Write an ONNX file and return its entry."""
    raw = raw or tiny_onnx()
    name = f"face_detector-{SOURCE[:12]}-fp16.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest()
    specs = (TensorSpec("in", (1, 2)),), (TensorSpec("out", (1, 2)),)
    return Onnx(folder, name, digest, len(raw), "face_detector", SOURCE, "fp16", *specs)
