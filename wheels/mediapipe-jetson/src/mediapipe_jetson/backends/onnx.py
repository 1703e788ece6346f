"""ONNX Runtime on the CPU, with the kit's ONNX files."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediapipe_jetson.backends.base import (
    Backend,
    BackendUnavailableError,
    InferenceError,
    ModelError,
    Session,
    SubModel,
    TensorSpec,
    check_inputs,
)

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

MODULE = "onnxruntime"
FOLDERS_VARIABLE = "MEDIAPIPE_JETSON_ENGINES"
FOLDERS = ("/var/cache/mediapipe-jetson/engines", "/opt/mediapipe/engines")
# On a CPU half precision is computed in single: a float32 file is exact and as fast.
PRECISIONS = ("fp32", "fp16")
HASH_DIGITS = 12


def create() -> Backend:
    """Return the backend."""
    return Onnx()


def folders() -> tuple[Path, ...]:
    """Return where engines and ONNX files are looked for, in order."""
    requested = os.environ.get(FOLDERS_VARIABLE, "")
    return tuple(Path(folder) for folder in (*requested.split(":"), *FOLDERS) if folder)


def find(sub_model: SubModel) -> Path:
    """Return the ONNX file that was made of exactly this sub-model; raise ModelError.

    The hash in a file's name counts; a model has other names in other bundles.
    """
    short = [digest[:HASH_DIGITS] for digest in sub_model.sources]
    for folder, digest, precision in itertools.product(folders(), short, PRECISIONS):
        for path in sorted(folder.glob(f"*-{digest}-{precision}.onnx")):
            if path.is_file():
                return path
    places = ", ".join(map(str, folders()))
    names = [f"{sub_model.name}-{digest}-{item}.onnx" for digest in short for item in PRECISIONS]
    raise ModelError(f"no {' nor '.join(names)} in {places}; `./inv engines.export` makes them")


class Onnx:
    """Loads ONNX files into ONNX Runtime."""

    name = "onnx"

    def available(self) -> str:
        """Return why ONNX Runtime is not here, or ""."""
        return "" if importlib.util.find_spec(MODULE) else "onnxruntime is not installed"

    def load(self, sub_model: SubModel, threads: int) -> Session:
        """Load the file of a sub-model; raise BackendUnavailableError and ModelError."""
        try:
            runtime: Any = importlib.import_module(MODULE)
        except ImportError as error:
            raise BackendUnavailableError(f"onnx: {error}") from error
        path = find(sub_model)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            source = session.get_modelmeta().custom_metadata_map.get("source_sha256", "")
            if source not in sub_model.sources:
                raise ValueError(f"it was made of {source[:HASH_DIGITS] or 'an unknown model'}")  # noqa: TRY301
            return OnnxSession(session)
        except Exception as error:  # ONNX Runtime's own types are many
            text = " ".join(str(error).split())
            raise ModelError(f"{path} can't be used for {sub_model.name}: {text}") from error


class OnnxSession:
    """One session whose inputs stay bound to arrays of ours."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 # ONNX Runtime has no types
        self.session = session
        self.inputs = tuple(_spec(row) for row in session.get_inputs())
        self.outputs = tuple(_spec(row) for row in session.get_outputs())
        self.buffers = tuple(np.zeros(spec.shape, np.float32) for spec in self.inputs)
        self.names = [spec.name for spec in self.outputs]

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run; the results are the caller's."""
        if self.session is None:
            raise InferenceError("this onnx session is closed")
        check_inputs(self.inputs, arrays)
        feed = {spec.name: array for spec, array in zip(self.inputs, arrays)}  # noqa: B905
        try:
            return tuple(self.session.run(self.names, feed))
        except Exception as error:  # ONNX Runtime's own types are many
            raise InferenceError(f"onnx: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        """Free the session."""
        self.session = None


def _spec(row: Any) -> TensorSpec:  # noqa: ANN401 # ONNX Runtime has no types
    if row.type != "tensor(float)" or not all(isinstance(size, int) for size in row.shape):
        raise ValueError(f"{row.name} is {row.type} of shape {row.shape}: float32 of a fixed one")
    return TensorSpec(row.name, tuple(row.shape))
