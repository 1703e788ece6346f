"""`targets`: what the kit can build for."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(variadic="wheels", help={"wheels": "what", "json": "machine-readable output"})
def targets(c: Context, wheels: list[str], json: bool = False) -> None:
    """Show every L4T release that the kit knows. Example: ./inv targets --json."""
    del c
    print(wheels, json)
