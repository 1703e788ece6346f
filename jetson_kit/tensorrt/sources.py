"""What boards build engines from: the ONNX files, what is expected of each, and their manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from jetson_kit.core.errors import BadInputError, KitError
from jetson_kit.core.files import locked, sha256_file
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from jetson_kit.core.text import counted
from jetson_kit.onnx_export import catalog, commands, environment
from jetson_kit.onnx_export.options import PRECISIONS
from jetson_kit.tensorrt import manifest

CODE = ROOT / "jetson_kit" / "onnx_export"


def prepare(progress: Progress, requested: Sequence[str] = ()) -> Path:
    """Return a folder of the cache with all that boards need; it is made when it is not there.

    `requested` are words as catalog.files takes. Raises as catalog.files and the exporter.
    """
    chosen = catalog.files(requested)
    folder = cache_dir("engine-sources") / _key([sha256_file(path) for path in chosen])
    with locked(cache_dir("locks") / f"engines-{folder.name}.lock", lambda: None):
        if _whole(folder):
            return folder
        with progress.step(
            "onnx", f"ONNX files of {counted(len(chosen), 'file')}, and TFLite's outputs"
        ):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            files = [str(path) for path in chosen]
            rows = commands.export(files, folder=folder)
            environment.ask(
                "expect",
                {
                    "paths": files,
                    "folder": str(folder),
                    "precisions": list(PRECISIONS),
                },
            )
            # Last: without it the folder is made again.
            manifest.write(folder, onnx=manifest.onnx_rows([Path(row["path"]) for row in rows]))
    return folder


def _whole(folder: Path) -> bool:
    try:
        result = manifest.read(folder)
        manifest.check_files(result)
    except KitError:
        return False
    return all(item.checks.is_file() for item in result.onnx)


def _key(digests: Sequence[str]) -> str:
    """Return what the files depend on: the models, and the code that converts them."""
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(CODE.rglob("*.py"))]
    text = json.dumps([sorted(digests), code, (ROOT / "requirements" / "engines.txt").read_text()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def jobs(folder: Path, precision: str = "") -> list[str]:
    """Return the names of the ONNX files to build engines of, small ones first.

    `precision` is fp16, fp32 or empty for both. Raises BadInputError for another.
    """
    if precision not in ("", *PRECISIONS):
        raise BadInputError(f"{precision!r} is unknown", f"choose from {', '.join(PRECISIONS)}")
    listed = [item for item in manifest.read(folder).onnx if precision in ("", item.precision)]
    return [item.file for item in sorted(listed, key=lambda item: (item.size, item.file))]
