"""`engines.export` and `engines.check` as the host sees them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.onnx_export import catalog, environment
from jetson_kit.onnx_export.options import BATCHES, LAYOUTS, PRECISIONS, Options

OUT = ROOT / "dist" / "engines"


def export(
    names: Sequence[str] = (),
    *,
    folder: Path = OUT,
    precision: str = "",
    layout: str = "nhwc",
    batch: str = "1",
    sub_models: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Write models as ONNX files into `folder`; return a row for each file.

    `precision` is fp32, fp16, or empty for both. Raises BadInputError, IntegrityError (a damaged
    model), as catalog.files and uv.
    """
    _known(precision or "fp32", PRECISIONS)
    _known(layout, LAYOUTS)
    _known(batch, BATCHES)
    rows: list[dict[str, Any]] = environment.ask(
        "export",
        {
            "paths": [str(path) for path in catalog.files(names)],
            "sub_models": list(sub_models),
            "folder": str(folder.resolve()),
            "precisions": [precision] if precision else list(PRECISIONS),
            "layout": layout,
            "batch": batch,
        },
    )
    return rows


def check(
    names: Sequence[str] = (),
    *,
    every: bool = False,
    precision: str = "",
    sub_models: Sequence[str] = (),
    build: bool = True,
    jobs: int = 0,
) -> list[dict[str, Any]]:
    """Judge the ONNX files of models; return a row for each, as check.Verdict.

    `every` judges both layouts, fixed and open batches, too; `jobs` is the number of processes (the
    cores, at most 4). Raises as `export`.
    """
    _known(precision or "fp32", PRECISIONS)
    layouts, batches = (LAYOUTS, BATCHES) if every else (LAYOUTS[:1], BATCHES[:1])
    kinds = itertools.product([precision] if precision else PRECISIONS, layouts, batches)
    rows: list[dict[str, Any]] = environment.ask(
        "check",
        {
            "paths": [str(path) for path in catalog.files(names)],
            "known": [str(path) for path in catalog.files()],
            "sub_models": list(sub_models),
            "options": [asdict(Options(*kind)) for kind in kinds],
            "build": build,
            "jobs": jobs or min(os.cpu_count() or 1, 4),
        },
    )
    return rows


def _known(given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise BadInputError(f"{given!r} is unknown", f"choose from {', '.join(known)}")
