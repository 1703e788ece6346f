"""`test`: the project's own checks."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.command_line.options import Number, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={"stage": Text(), "minutes": Number(0.01, 7 * 24 * 60)},
    help={
        "minutes": "stop what still runs then; it has failed",
        "all": "everything that this machine can show; half an hour",
        "quick": "only what needs neither Docker nor network",
        "stage": "only this stage; ci/stages.toml names them",
    },
)
def test(
    c: Context,
    all: bool = False,
    quick: bool = False,
    stage: str = "",
    minutes: float = 7 * 24 * 60.0,
) -> None:
    """Run linters and tests: each part once for real. Example: ./inv test --all."""
    from jetson_kit.checks import stages as checks
    from jetson_kit.core.errors import BadInputError

    del c
    if sum(map(bool, (all, quick, stage))) > 1:
        raise BadInputError("--all, --quick and --stage exclude each other", "give one of them")
    size = "all" if all else "quick" if quick else "default"
    checks.run(size=size, stage=stage, minutes=minutes)
