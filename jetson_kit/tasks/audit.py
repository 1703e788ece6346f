"""`wheels.audit`: what a wheel really is."""

from __future__ import annotations

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="wheels",
    options={"wheels": kinds.MODEL},
    help={
        "wheels": "paths of wheels, or NAME==VERSION",
        "json": "print a list of JSON objects",
        "live": "measure on emulated CPUs even where a record exists",
        "record": "measure, and write the records that the kit ships",
    },
)
def audit(
    c: Context, wheels: list[str], json: bool = False, live: bool = False, record: bool = False
) -> None:
    """Tell what wheels really are. Example: ./inv wheels.audit mediapipe==1.2.2."""
    from jetson_kit.audit import command

    del c
    command.run(wheels, json=json, live=live, record=record)
