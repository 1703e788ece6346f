"""`doctor`: why MediaPipe does not use the GPU, here or on a board."""

from __future__ import annotations

import json as json_format

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    help={
        "local": "examine this machine (the default)",
        "for": "examine a board over ssh: user@host; nothing is installed there",
        "i": "an inventory (not there yet: it comes with the fleet's playbooks)",
        "code": "look through this project of yours (on this machine) as well",
        "json": "print the document as JSON",
    },
)
def doctor(
    c: Context,
    local: bool = False,
    for_: str = "",
    i: str = "",
    code: str = "",
    json: bool = False,
) -> None:
    """Name the causes and their cures. Example: ./inv doctor --for user@board --code app/."""
    from pathlib import Path

    from jetson_kit import doctor as examine
    from jetson_kit.errors import BadInputError

    del c
    if i:
        raise BadInputError("no inventory can be examined yet", "give one board by --for user@host")
    if local and for_:
        raise BadInputError("--local and --for exclude each other", "give one of them")
    folder = Path(code) if code else None
    found = examine.remote(for_, folder) if for_ else examine.local(folder)
    print(json_format.dumps(found.document, indent=1) if json else found.text)
    found.check()
