"""`cache.show` and `cache.prune`: what the cache holds, and room."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.command_line.options import Integer
from jetson_kit.tasks.edge import kit_task


@kit_task(help={"json": "machine-readable output"})
def show(c: Context, json: bool = False) -> None:
    """Show what the cache holds, its sizes and last uses. Example: ./inv cache.show."""
    from jetson_kit.cache import usage, view

    del c
    view.show(usage.entries(), as_json=json)


@kit_task(
    options={"days": Integer(0, 3650)},
    help={
        "days": "what was not used for so many days (default 14; 0: all)",
        "plan": "show what would be removed",
    },
)
def prune(c: Context, days: int = 14, plan: bool = False) -> None:
    """Remove what no command used for long from the cache. Example: ./inv cache.prune --days 30.

    It is made or fetched again when it is needed. What builds left in dist/ is not touched.
    """
    from jetson_kit.cache import usage, view
    from jetson_kit.core import cache_lock
    from jetson_kit.core.errors import StepFailedError
    from jetson_kit.virtual_devices import store

    del c
    # Virtual devices stand on the roots and disks there.
    keep = ("devices",) if store.records() else ()
    if plan:
        view.plan(usage.unused(usage.entries(), days, keep), keep)
        return
    with cache_lock.alone():
        chosen = usage.unused(usage.entries(), days, keep)
        left = usage.remove_all(chosen)
    view.removed([entry for entry in chosen if entry not in left], keep)
    if left:
        raise StepFailedError(*view.not_removed(left))
