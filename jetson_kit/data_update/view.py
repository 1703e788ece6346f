"""What `data.update` and `data.check` print."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from jetson_kit.core import text
from jetson_kit.core.errors import CheckFailedError
from jetson_kit.data_update import update
from jetson_kit.data_update.changes import Changes, Decision


def show(changes: Changes, *, dry_run: bool) -> None:
    """Print what was taken and written, what is held, and what a person must decide."""
    verb = "would take" if dry_run else "took"
    rows: dict[tuple[str, str, str], list[str]] = {}
    for step in changes.steps:
        rows.setdefault((step.package, step.old, step.new), []).append(step.where)
    for (package, old, new), places in sorted(rows.items()):
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        print(f"{verb} {package} {old} -> {new} ({places[0]}{more})")
    if not rows:
        print("nothing newer to take")
    for path in changes.files:
        print(f"{'would write' if dry_run else 'wrote'} {update.shown(path)}")
    _list("held", changes.held)
    _list("to decide", changes.decisions)


def _list(title: str, decisions: Iterable[Decision]) -> None:
    for decision in dict.fromkeys(decisions):
        print(f"{title}: {decision.package}: {decision.what}; {decision.remedy}")


def show_derived(written: Iterable[str]) -> None:
    """Print which derived files were written."""
    print("\n".join(written) or "what derives from the tables is up to date")
    print("next: ./inv data.check")


def show_check() -> None:
    """Print the problems of the tables. Raises CheckFailedError where there is one."""
    result = update.checked()
    for line in result:
        print(line, file=sys.stderr)
    if result:
        raise CheckFailedError(
            f"the tables have {text.counted(len(result), 'problem')}",
            "correct the rows that are named above, and run it again",
        )
    print("the tables and what derives from them agree")
