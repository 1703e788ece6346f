"""`test`: the project's own checks."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={"stage": Text()},
    help={
        "all": "everything that this machine can show; half an hour",
        "quick": "only what needs neither Docker nor network",
        "stage": "only this stage; ci/stages.toml names them",
    },
)
def test(c: Context, all: bool = False, quick: bool = False, stage: str = "") -> None:
    """Run linters and tests: each part once for real. Example: ./inv test --all."""
    from jetson_kit import checks
    from jetson_kit.errors import BadInputError

    del c
    if sum(map(bool, (all, quick, stage))) > 1:
        raise BadInputError("--all, --quick and --stage exclude each other", "give one of them")
    checks.run(size="all" if all else "quick" if quick else "default", stage=stage)
