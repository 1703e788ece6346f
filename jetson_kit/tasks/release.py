"""`release.check`: a release of the kit itself."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={"tag": Text(64)},
    help={"tag": "a tag that must name this version, such as v0.1.0"},
)
def check(c: Context, tag: str = "") -> None:
    """Check that the kit can be released, a line each. Example: ./inv release.check."""
    from jetson_kit.kit_release import check as checking

    del c
    checking.show(tag)
