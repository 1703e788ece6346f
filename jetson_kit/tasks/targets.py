"""`targets`: what the kit can build for."""

from __future__ import annotations

import json as json_format

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={"l4t": kinds.L4T, "for_": kinds.SSH},
    help={
        "l4t": "show one release: 36.4.4, r36.4.4, r36, jetpack6.2",
        "for": "show the release of this device, asked over ssh: user@host",
        "json": "machine-readable output",
    },
)
def targets(c: Context, l4t: str = "", for_: str = "", json: bool = False) -> None:
    """Show every L4T release that the kit knows, or one. Example: ./inv targets --l4t r36.4.4."""
    from jetson_kit.build import targets_view
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.targets import detect as device_facts
    from jetson_kit.targets.table import load

    del c
    table = load()
    if l4t and for_:
        raise BadInputError("--l4t and --for name a release each", "give one of them")
    device = module = None
    chosen = table.all
    if for_:
        device = device_facts.read(for_)
        target, module = device_facts.identify(device, table)
        chosen = (target,)
    elif l4t:
        chosen = (table.resolve(l4t),)
    if json:
        document = targets_view.document(table, chosen, device, module)
        print(json_format.dumps(document, indent=2))
    elif len(chosen) == 1:
        targets_view.print_one(chosen[0], device, module)
    else:
        targets_view.print_all(table)
