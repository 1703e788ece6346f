"""`wheels.audit`: what a wheel really is."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path

from invoke.context import Context
from rich.console import Console

from jetson_kit.audit import core, fetch, planned
from jetson_kit.audit import record as records
from jetson_kit.audit import show as showing
from jetson_kit.errors import BadInputError, CheckFailedError
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="wheels",
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
    del c
    if not wheels:
        raise BadInputError("no wheel was named", "give paths of wheels, or NAME==VERSION")
    audits: list[core.Audit] = []
    bad: list[BadInputError] = []
    for word in wheels:
        try:
            path = fetch.fetch(word) if fetch.is_named(word) else Path(word)
            audits.append(core.audit(path, live=(live or record) or None))
        except BadInputError as error:
            bad.append(error)
    if record:
        _ship(audits)
    if json:
        print(jsonlib.dumps([item.to_json() for item in audits], indent=2))
    else:
        showing.show(audits, Console(highlight=False))
    if bad:
        for early in bad[:-1]:
            print(early.line(), file=sys.stderr)
        raise bad[-1]
    useless = [item.wheel for item in audits if not item.useful]
    if useless:
        raise CheckFailedError(
            f"no target can run {', '.join(useless)} on its GPU",
            "mediapipe 1.0.1 and later for aarch64 can",
        )


def _ship(audits: list[core.Audit]) -> None:
    for item in audits:
        if item.measured and item.measured.emulation.runs:
            records.ship(item.wheel, core.native_arms(item.libraries), item.measured)
    planned.renew()
