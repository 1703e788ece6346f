"""`engines.build`: TensorRT engines, built on one board of each class for the whole fleet."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={
        "i": kinds.inventory,
        "limit": kinds.LIMIT,
        "models": kinds.WORDS,
        "precision": kinds.PRECISION,
        "forks": kinds.FORKS,
    },
    help={
        "i": "Ansible inventory: a file or a folder",
        "limit": "only these hosts or groups, by commas",
        "models": "models of models.toml, legacy, legacy-pose, by commas (default: all of images)",
        "precision": "fp16 or fp32 (default: both)",
        "busy": "take boards that are at work, too",
        "forks": "how many boards at a time (default 50)",
        "json": "machine-readable output",
    },
)
def build(
    c: Context,
    i: Path,
    limit: str = "",
    models: tuple[str, ...] = (),
    precision: str = "",
    busy: bool = False,
    forks: int = 50,
    json: bool = False,
) -> None:
    """Build engines, once for each class of boards. Example: ./inv engines.build -i hosts.yml."""
    from jetson_kit.core.errors import CheckFailedError
    from jetson_kit.core.text import counted, verb
    from jetson_kit.fleet import engines_build as fleet_build
    from jetson_kit.fleet import engines_view as build_view

    del c
    done = fleet_build.run(i, limit, models=models, precision=precision, busy=busy, forks=forks)
    if json:
        print(json_format.dumps(fleet_build.as_json(done), indent=1))
    else:
        build_view.show(done)
    failed = [item for item in done if not item.good]
    if failed:
        raise CheckFailedError(
            f"{counted(len(failed), 'class', 'classes')} {verb(len(failed), 'have')} no engines: "
            f"{failed[0].name}: {failed[0].reason}",
            "run it again: what is done stays",
        )
