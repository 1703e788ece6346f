"""`models.fetch` and `models.list`: MediaPipe's model bundles."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict

from invoke.context import Context

from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="names",
    options={"names": Text()},
    help={"names": "models (all)", "json": "machine-readable output"},
)
def fetch(c: Context, names: list[str], json: bool = False) -> None:
    """Fetch models, checked by hash, into the cache. Example: ./inv models.fetch face hand."""
    from jetson_kit.models import bundles as models

    del c
    chosen = models.select(names)
    paths = models.fetch(names)
    if json:
        rows = [
            {"name": model.name, "path": str(path), "sha256": model.sha256, "size": model.size}
            for model, path in zip(chosen, paths, strict=True)
        ]
        print(json_format.dumps(rows, indent=1))
        return
    for path in paths:
        print(path)


@kit_task(name="list", help={"json": "machine-readable output"})
def list_models(c: Context, json: bool = False) -> None:
    """Show every model, its source and its sub-models. Example: ./inv models.list."""
    from jetson_kit.models import bundles as models

    del c
    chosen = models.load().models
    if json:
        print(json_format.dumps([asdict(model) for model in chosen], indent=1))
        return
    for model in chosen:
        where = "  (by name alone)" if model.extra else ""
        print(
            f"{model.name:10} {model.filename:26} {model.size / 1e6:5.1f} MB  {model.sha256}{where}"
        )
        for part in model.parts:
            print(f"{'':10} {part.path:62} {part.size / 1e6:5.1f} MB")
