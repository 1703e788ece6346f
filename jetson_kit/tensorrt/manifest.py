"""engines.json on the host, read by the device wheel's own code: it refuses what is not right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import sha256_file
from jetson_kit.wheels.device_side import module

FILE = "engines.json"


def read(folder: Path) -> Any:  # noqa: ANN401 # mediapipe_jetson.engines.manifest.Manifest
    """Return a folder's manifest. Raises BadInputError where there is none, IntegrityError."""
    device, errors = module("engines.manifest"), module("engines.errors")
    try:
        found = device.read(folder)
    except errors.ManifestError as error:
        raise IntegrityError(str(error), "make the folder again") from error
    if found is None:
        raise BadInputError(
            f"{folder} has no {FILE}", "make one: ./inv engines.build, or ./inv engines.export"
        )
    return found


def check_files(found: Any) -> None:  # noqa: ANN401
    """Raise IntegrityError unless each listed file is there with the bytes that are listed."""
    for one in (*found.engines, *found.onnx):
        if not one.path.is_file():
            raise IntegrityError(f"{one.path} is listed and not there", "make the folder again")
        if (one.path.stat().st_size, sha256_file(one.path)) != (one.size, one.sha256):
            raise IntegrityError(
                f"{one.path} is not what its manifest lists", "make the folder again"
            )


def stand_ins(found: Any) -> list[str]:  # noqa: ANN401
    """Return the files that are no engines: by the manifest's word, or by their own."""
    mark = module("engines.manifest").NO_ENGINE
    names = []
    for one in found.engines:
        with one.path.open("rb") as stream:
            if one.emulated or stream.read(len(mark)) == mark:
                names.append(one.file)
    return names


def onnx_rows(paths: Sequence[Path]) -> list[Any]:
    """Return the entries of ONNX files, by what is written in them. Raises IntegrityError."""
    device, reader = module("engines.manifest"), module("engines.onnx_file")
    spec = module("backends.base").TensorSpec
    rows = []
    for path in sorted(paths):
        try:
            model = reader.parse(path.read_bytes())
            told = model.metadata
            rows.append(
                device.Onnx(
                    path.parent,
                    path.name,
                    sha256_file(path),
                    path.stat().st_size,
                    told["sub_model"],
                    told["source_sha256"],
                    told["precision"],
                    tuple(spec(one.name, one.shape) for one in model.inputs),
                    tuple(spec(one.name, one.shape) for one in model.outputs),
                )
            )
        except (ValueError, KeyError) as error:
            raise IntegrityError(
                f"{path} is no ONNX file of the kit's: {error}", "./inv engines.export"
            ) from error
    return rows


def write(folder: Path, *, engines: Sequence[Any] = (), onnx: Sequence[Any] = ()) -> Any:  # noqa: ANN401
    """Write a folder's manifest and return it as read again."""
    device = module("engines.manifest")
    device.write(device.Manifest(folder, tuple(engines), tuple(onnx)))
    return read(folder)
