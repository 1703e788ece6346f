"""`test`: the project's own checks."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit import checks
from jetson_kit.tasks.edge import kit_task


@kit_task(
    help={
        "quick": "only what needs neither Docker nor network",
        "stage": "only this stage; ci/stages.toml names them",
    }
)
def test(c: Context, quick: bool = False, stage: str = "") -> None:
    """Run linters and tests. Example: ./inv test --quick."""
    del c
    checks.run(quick=quick, stage=stage)
