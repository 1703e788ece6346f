"""`engines.export` and `engines.check`: MediaPipe's models as ONNX, proven equal."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, OutputFolder, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="models",
    auto_shortflags=False,
    options={
        "models": kinds.MODEL,
        "sub_model": Text(),
        "out": OutputFolder(),
        "precision": kinds.PRECISION,
        "layout": Choice("nhwc", "nchw"),
        "batch": Choice("1", "dynamic"),
    },
    help={
        "models": "names of models.toml, legacy, legacy-pose, or files (default: all of images)",
        "sub-model": "only this one of them",
        "out": "folder for the files (dist/engines)",
        "precision": "fp32 or fp16 (both)",
        "layout": "nhwc or nchw: the order of image inputs' axes",
        "batch": "1 or dynamic",
        "json": "machine-readable output",
    },
)
def export(
    c: Context,
    models: list[str],
    sub_model: str = "",
    out: Path | None = None,
    precision: str = "",
    layout: str = "nhwc",
    batch: str = "1",
    json: bool = False,
) -> None:
    """Write TFLite models as ONNX files. Example: ./inv engines.export face --precision fp16."""
    from jetson_kit.onnx_export import commands

    del c
    rows = commands.export(
        models,
        folder=out or commands.OUT,
        precision=precision,
        layout=layout,
        batch=batch,
        sub_models=[sub_model] if sub_model else [],
    )
    if json:
        print(json_format.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['size'] / 1e6:6.2f} MB  {row['path']}")


@kit_task(
    variadic="models",
    auto_shortflags=False,
    options={"models": kinds.MODEL, "sub_model": Text(), "precision": kinds.PRECISION},
    help={
        "models": "names of models.toml, legacy, legacy-pose, or files (default: all of images)",
        "sub-model": "only this one of them",
        "precision": "fp32 or fp16 (both)",
        "every": "both layouts, fixed and open batches",
        "no-build": "leave out NVIDIA's builder, which takes most of the time",
        "json": "machine-readable output",
    },
)
def check(
    c: Context,
    models: list[str],
    sub_model: str = "",
    precision: str = "",
    every: bool = False,
    no_build: bool = False,
    json: bool = False,
) -> None:
    """Judge ONNX files against TFLite, and by NVIDIA's parser. Example: ./inv engines.check."""
    from jetson_kit.onnx_export import check_view, commands

    del c
    rows = commands.check(
        models,
        every=every,
        precision=precision,
        sub_models=[sub_model] if sub_model else [],
        build=not no_build,
    )
    print(json_format.dumps(rows, indent=1) if json else check_view.table(rows))
    check_view.conclude(rows)
