"""Runs in the engines' environment: a request as JSON on standard input, the answer on output."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jetson_kit.core import errors
from jetson_kit.core.errors import BadInputError, KitError, StepFailedError
from jetson_kit.core.files import disk_guard, written_aside
from jetson_kit.onnx_export import bundle, environment, export
from jetson_kit.onnx_export.options import Options

Request = Mapping[str, Any]


def _export(request: Request) -> list[dict[str, Any]]:
    """Write ONNX files; equal sub-models of several bundles are written once."""
    folder = Path(request["folder"])
    rows: dict[str, dict[str, Any]] = {}
    for sub_model in _sub_models(request):
        for precision in request["precisions"]:
            options = Options(precision, request["layout"], request["batch"])
            path = folder / options.filename(sub_model.name, sub_model.sha256)
            if path.name in rows:
                continue
            blob = export.export(sub_model, options)
            with written_aside(path) as aside:
                aside.write_bytes(blob)
            rows[path.name] = {
                "sub_model": sub_model.name,
                "source": sub_model.source,
                "source_sha256": sub_model.sha256,
                "precision": precision,
                "layout": options.layout,
                "batch": options.batch,
                "path": str(path),
                "size": len(blob),
            }
    return list(rows.values())


def _expect(request: Request) -> list[dict[str, Any]]:
    """Write what engines are judged by on a board, for each sub-model that has ONNX files."""
    from jetson_kit.onnx_export import expected  # noqa: PLC0415 # it loads TFLite and ONNX Runtime

    folder, rows = Path(request["folder"]), []
    for sub_model in {item.sha256: item for item in _sub_models(request)}.values():
        files = {
            kind: folder / Options(kind).filename(sub_model.name, sub_model.sha256)
            for kind in request["precisions"]
        }
        path = folder / f"{sub_model.name}-{sub_model.sha256[:12]}.check.zip"
        with written_aside(path) as aside:
            tolerance = expected.write(sub_model, files, aside)
        rows.append({"sub_model": sub_model.name, "path": str(path), "tolerance": tolerance})
    return rows


def _sub_models(request: Request) -> list[bundle.SubModel]:
    sub_models = [sub_model for path in request["paths"] for sub_model in bundle.read(Path(path))]
    requested = request.get("sub_models") or [sub_model.name for sub_model in sub_models]
    unknown = sorted(set(requested) - {sub_model.name for sub_model in sub_models})
    if unknown:
        known = ", ".join(sorted({sub_model.name for sub_model in sub_models}))
        raise BadInputError(f"no sub-model {', '.join(unknown)}", f"choose from {known}")
    return [sub_model for sub_model in sub_models if sub_model.name in requested]


def _check(request: Request) -> list[dict[str, Any]]:
    """Judge files; each sub-model in a process of its own, for native code that dies of it."""
    chosen = {item.sha256: item for item in _sub_models(request)}
    known = {item.sha256: item for path in request["known"] for item in bundle.read(Path(path))}
    options = [Options(**option) for option in request["options"]]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(request["jobs"], multiprocessing.get_context("spawn")) as pool:
        jobs = [
            (item, pool.submit(_verdicts, item, known, options, request["build"]))
            for item in chosen.values()
        ]
        for sub_model, job in jobs:
            try:
                result = job.result()
            except BrokenProcessPool as error:
                raise StepFailedError(
                    f"a process ended without a word while {sub_model.source} was judged"
                ) from error
            if isinstance(result, dict):
                raise environment.error(result)
            rows += result
            print(f"judged {sub_model.source}", file=sys.stderr, flush=True)
    return rows


def _verdicts(
    sub_model: bundle.SubModel,
    known: Mapping[str, bundle.SubModel],
    options: Sequence[Options],
    build: bool,
) -> list[dict[str, Any]] | dict[str, str]:
    """Return the verdicts on a sub-model, or as a dict what is wrong with it."""
    from jetson_kit.onnx_export import check  # noqa: PLC0415 - the parent needs none of its libraries

    try:
        # What the exporter refuses, TFLite's native code does not get to see.
        for item in options:
            export.export(sub_model, item)
        there = check.reference_outputs(sub_model, known)
        return [asdict(check.judge(sub_model, option, there, build=build)) for option in options]
    except KitError as error:
        return _error_report(error)


def _time(request: Request) -> dict[str, Any]:
    """Time one sub-model's files, as jetson_kit.onnx_export.timing."""
    from jetson_kit.onnx_export import timing  # noqa: PLC0415

    (sub_model,) = _sub_models(request)
    files = {name: Path(path).read_bytes() for name, path in request["files"].items()}
    return timing.times(sub_model, files)


def _unpack(request: Request) -> list[dict[str, Any]]:
    """Write the sub-models of bundles as .tflite files; return a row for each."""
    rows = []
    for item in {sub_model.sha256: sub_model for sub_model in _sub_models(request)}.values():
        path = Path(request["folder"]) / f"{item.name}-{item.sha256[:12]}.tflite"
        path.write_bytes(item.tflite)
        rows.append({"sub_model": item.name, "source_sha256": item.sha256, "path": str(path)})
    return rows


COMMANDS: Mapping[str, Callable[[Request], Any]] = {
    "check": _check,
    "expect": _expect,
    "export": _export,
    "time": _time,
    "unpack": _unpack,
}


def _error_report(error: KitError) -> dict[str, str]:
    kind = next(item.__name__ for item in type(error).__mro__ if hasattr(errors, item.__name__))
    return {"kind": kind, "message": error.message, "cure": error.cure}


def main() -> None:
    """Answer one request; a KitError is an answer too, and its exit code this program's."""
    # Native libraries print to standard output as they like; the answer has it for itself.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    code = 0
    try:
        with disk_guard():
            result = {"result": COMMANDS[sys.argv[1]](json.load(sys.stdin))}
    except KitError as error:
        result = {"error": _error_report(error)}
        code = error.exit_code
    json.dump(result, answer)
    answer.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
