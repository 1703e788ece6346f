"""`doctor`: why MediaPipe does not use the GPU, here or on a board."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import FileOrFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    options={
        "for_": kinds.SSH,
        "i": kinds.inventory,
        "limit": kinds.LIMIT,
        "code": FileOrFolder(),
    },
    help={
        "local": "examine this machine (the default; with --code if it has an NVIDIA GPU)",
        "for": "examine a board over ssh: user@host; nothing is installed there",
        "i": "examine every host of this Ansible inventory, over ssh",
        "limit": "with -i: only these hosts or groups, by commas",
        "code": "look through this project of yours (on this machine) as well",
        "json": "print the document as JSON",
    },
)
def doctor(
    c: Context,
    local: bool = False,
    for_: str = "",
    i: Path | None = None,
    limit: str = "",
    code: Path | None = None,
    json: bool = False,
) -> None:
    """Name the causes and their cures. Example: ./inv doctor --for user@board --code app/."""
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.doctor import local as examine

    del c
    if sum(map(bool, (local, for_, i))) > 1:
        raise BadInputError("--local, --for and -i exclude each other", "give one of them")
    if limit and not i:
        raise BadInputError("--limit is for an inventory", "add -i INVENTORY")
    if i:
        from jetson_kit.doctor import fleet as doctor_fleet

        rounds = doctor_fleet.run(i, code, limit)
        if json:
            print(json_format.dumps(rounds.as_json(), indent=1))
        else:
            rounds.show()
        return rounds.check()
    diagnosis = examine.remote(for_, code) if for_ else examine.local(code, machine=local)
    print(json_format.dumps(diagnosis.document, indent=1) if json else diagnosis.text)
    return diagnosis.check()
