"""What `wheels.audit` does: fetch, measure, record, show."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from jetson_kit.audit import core, fetch, planned
from jetson_kit.audit import record as records
from jetson_kit.audit import show as showing
from jetson_kit.core.errors import BadInputError, CheckFailedError


def run(wheels: Sequence[str], *, json: bool, live: bool, record: bool) -> None:
    """Audit wheels, given as paths or as NAME==VERSION.

    Raises BadInputError for what is no wheel, CheckFailedError where one can use a GPU nowhere.
    """
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
        raise BadInputError("; ".join(error.message for error in bad), bad[0].cure)
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
