"""`docs.build`: the guides as a web site."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task()
def build(c: Context) -> None:
    """Write docs/ as a web site into dist/site. Example: ./inv docs.build."""
    from jetson_kit.core.paths import ROOT
    from jetson_kit.guides import site

    del c
    print(site.build(ROOT / "dist" / "site"))
