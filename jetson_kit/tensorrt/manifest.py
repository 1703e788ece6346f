"""engines.json on the host, read by the device wheel's own code: it refuses what is not right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mediapipe_jetson.backends.base import TensorSpec
from mediapipe_jetson.engines import manifest as device
from mediapipe_jetson.engines import onnx_file
from mediapipe_jetson.engines.errors import ManifestError
from mediapipe_jetson.engines.manifest import Engine, Manifest, Onnx

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import sha256_file
from jetson_kit.core.reasons import why

FILE = "engines.json"


def read(folder: Path) -> Manifest:
    """Return a folder's manifest. Raises BadInputError where there is none, IntegrityError."""
    try:
        result = device.read(folder)
    except ManifestError as error:
        raise IntegrityError(str(error), "make the folder again") from error
    if result is None:
        raise BadInputError(
            f"{folder} has no {FILE}", "make one: ./inv engines.build, or ./inv engines.export"
        )
    return result


def check_files(manifest: Manifest) -> None:
    """Raise IntegrityError unless each listed file is there with the bytes that are listed."""
    listed: list[Engine | Onnx] = [*manifest.engines, *manifest.onnx]
    for item in listed:
        if not item.path.is_file():
            raise IntegrityError(f"{item.path} is listed and not there", "make the folder again")
        if (item.path.stat().st_size, sha256_file(item.path)) != (item.size, item.sha256):
            raise IntegrityError(
                f"{item.path} is not what its manifest lists", "make the folder again"
            )


def stand_ins(manifest: Manifest) -> list[str]:
    """Return the files that are no engines: by the manifest's word, or by their own."""
    mark = device.NO_ENGINE
    names = []
    for engine in manifest.engines:
        with engine.path.open("rb") as stream:
            if engine.emulated or stream.read(len(mark)) == mark:
                names.append(engine.file)
    return names


def onnx_rows(paths: Sequence[Path]) -> list[Onnx]:
    """Return the entries of ONNX files, by what is written in them. Raises IntegrityError."""
    rows = []
    for path in sorted(paths):
        try:
            model = onnx_file.parse(path.read_bytes())
            metadata = model.metadata
            rows.append(
                Onnx(
                    path.parent,
                    path.name,
                    sha256_file(path),
                    path.stat().st_size,
                    metadata["sub_model"],
                    metadata["source_sha256"],
                    metadata["precision"],
                    tuple(TensorSpec(item.name, item.shape) for item in model.inputs),
                    tuple(TensorSpec(output.name, output.shape) for output in model.outputs),
                )
            )
        except (ValueError, KeyError) as error:
            raise IntegrityError(
                f"{path} is no ONNX file of the kit's: {why(error)}", "./inv engines.export"
            ) from error
    return rows


def write(folder: Path, *, engines: Sequence[Engine] = (), onnx: Sequence[Onnx] = ()) -> Manifest:
    """Write a folder's manifest and return it as read again."""
    device.write(Manifest(folder, tuple(engines), tuple(onnx)))
    return read(folder)
