"""`data.update` and `data.check`: the tables of versions, and what derives from them."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context

from jetson_kit.command_line.options import Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="names",
    options={"names": Text()},
    help={
        "names": "packages to look at, NAME or NAME==VERSION (all)",
        "check": "change nothing and ask no network: do the tables agree?",
        "derived": "only renew what derives from the tables, without a network",
        "dry-run": "show what is newer and what would change",
    },
)
def update(
    c: Context,
    names: list[str],
    check: bool = False,
    derived: bool = False,
    dry_run: bool = False,
) -> None:
    """Take newer versions into the tables. Example: ./inv data.update --dry-run."""
    from jetson_kit.data_update import update as updating
    from jetson_kit.data_update import view

    del c
    if check:
        view.show_check()
    elif derived:
        view.show_derived(updating.derive())
    else:
        view.show(updating.run(names, dry_run=dry_run), dry_run=dry_run)
        if not dry_run:
            view.show_check()


@kit_task(name="check")
def check_tables(c: Context) -> None:
    """Check the tables and all that derives from them. Example: ./inv data.check."""
    from jetson_kit.data_update import view

    del c
    view.show_check()


def collection() -> Collection:
    """Return the tasks `data.*`."""
    return Collection("data", update, check_tables)
