"""`sites.status`, `.verify`, `.doctor`, `.report`: the boards of many sites, inspected at each."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoke.context import Context

from jetson_kit.command_line.options import (
    Choice,
    Commas,
    InputFile,
    Integer,
    Number,
    OutputFile,
    Reader,
    Text,
)
from jetson_kit.core.text import counted
from jetson_kit.tasks.edge import kit_task

NAME = Text(63)
SITES: Mapping[str, Reader] = {
    "i": InputFile(),
    "only": Commas(NAME),
    "wait": Number(1, 3600),
    "deadline": Number(1, 7 * 86400),
}
OUTPUTS: Mapping[str, Reader] = {
    "json": OutputFile(),
    "junit": OutputFile(),
    "prometheus": OutputFile(),
}
HELP = {
    "i": "the file of sites",
    "only": "only these sites, by commas",
    "wait": "seconds until a site that says nothing counts as unreachable",
    "deadline": "seconds that a site may take in all",
    "json": "write the result of all sites to this file, or print it",
    "lines": "print a line of JSON for each board, as it comes",
    "junit": "write JUnit's XML to this file: a suite for each site",
    "prometheus": "write gauges for a text file collector to this file",
}


@kit_task(
    auto_shortflags=False,
    options={**SITES, "junit": OutputFile(), "prometheus": OutputFile()},
    help={
        **{name: HELP[name] for name in (*SITES, "junit", "prometheus")},
        "check": "end with exit code 1 if there is any drift or problem",
        "json": "a line of JSON for each site, as it comes",
    },
)
def status(
    c: Context,
    i: Path,
    only: tuple[str, ...] = (),
    wait: float = 30.0,
    deadline: float = 7200.0,
    check: bool = False,
    json: bool = False,
    junit: Path | None = None,
    prometheus: Path | None = None,
) -> None:
    """Show every site and its boards, as they answer. Example: ./inv sites.status -i sites.toml."""
    from jetson_kit.core.errors import CheckFailedError
    from jetson_kit.inspection import central, command

    del c
    bad = []
    request = central.Request("status", i, only, silent_s=wait, deadline_s=deadline)
    for site, boards in command.statuses(request, command.Outputs(None, junit, prometheus)):
        if json:
            print(json_format.dumps(command.status_json(site, boards)), flush=True)
        else:
            command.show_status(site, boards)
        if site.wrong or not all(board.good for board in boards):
            bad.append(site.site)
    if check and bad:
        raise CheckFailedError(f"something is wrong at {', '.join(sorted(bad))}")


@kit_task(
    auto_shortflags=False,
    iterable=["task"],
    optional=["json"],
    options={**SITES, **OUTPUTS, "task": Text(), "level": Choice("quick", "full")},
    help={
        **HELP,
        "task": "one task, such as FaceLandmarker; may be repeated",
        "level": "quick or full (default: mediapipe_level of each inventory)",
    },
)
def verify(
    c: Context,
    i: Path,
    only: tuple[str, ...] = (),
    task: list[str] | None = None,
    level: str = "",
    wait: float = 60.0,
    deadline: float = 7200.0,
    json: Any = None,  # noqa: ANN401 # a path, or True for the flag alone
    lines: bool = False,
    junit: Path | None = None,
    prometheus: Path | None = None,
) -> None:
    """Prove where inference runs at all sites. Example: ./inv sites.verify -i sites.toml.

    Each site runs ./inv verify on its own boards, judges each report once and keeps it. Exit code
    0 if every board is as expected, 11 if one is broken, else 1; a site that does not answer fails.
    """
    from jetson_kit.inspection import central, command

    del c
    request = central.Request("verify", i, only, level, tuple(task or ()), wait, deadline)
    command.run(request, command.Outputs(json, junit, prometheus, lines)).check()


@kit_task(
    auto_shortflags=False,
    optional=["json"],
    options={**SITES, **OUTPUTS},
    help=HELP,
)
def doctor(
    c: Context,
    i: Path,
    only: tuple[str, ...] = (),
    wait: float = 60.0,
    deadline: float = 7200.0,
    json: Any = None,  # noqa: ANN401 # a path, or True for the flag alone
    lines: bool = False,
    junit: Path | None = None,
    prometheus: Path | None = None,
) -> None:
    """Name causes and cures on the boards of all sites. Example: ./inv sites.doctor -i sites.toml.

    Exit code 0 if every board of every site is well, else 1; a site that does not answer fails.
    """
    from jetson_kit.inspection import central, command

    del c
    request = central.Request("doctor", i, only, silent_s=wait, deadline_s=deadline)
    command.run(request, command.Outputs(json, junit, prometheus, lines)).check()


@kit_task(
    auto_shortflags=False,
    options={
        "i": SITES["i"],
        "of": Choice("verify", "doctor", "status"),
        "output": OutputFile(),
        "board": Text(200),
        "title": Text(),
        "serve": Integer(0, 65535),
    },
    help={
        "i": HELP["i"],
        "of": "which inspection's last result: verify (default), doctor or status",
        "output": "the page to write (default: dist/sites.html, over the one before)",
        "board": "the page of this board's evidence alone, SITE/HOST, fetched from its site",
        "title": "its title",
        "serve": "serve it to this machine's browser at this port (0: any), and write no file",
    },
)
def report(
    c: Context,
    i: Path,
    of: str = "verify",
    output: Path | None = None,
    board: str = "",
    title: str = "Where inference runs",
    serve: int | None = None,
) -> None:
    """Make one page of the boards of all sites. Example: ./inv sites.report -i sites.toml.

    It shows the last result of sites.verify. With --serve, a click on a board fetches its evidence.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.sites import inventory
    from jetson_kit.inspection import page, result

    del c
    inventory.load(i)
    inspection = result.last(of)
    if serve is not None:
        if output or board:
            raise BadInputError("--serve writes no file", "leave out --output and --board")
        return page.run(inspection, i, title, serve)
    place = output or (page.place_of(board) if board else Path("dist/sites.html"))
    replaced = ", in place of the page before" if output is None and place.exists() else ""
    if board:
        size = page.write_board(inspection, i, board, place)
    else:
        size = page.write(inspection, i, place, title)
    what = (
        board or f"{counted(len(inspection.boards), 'board')} ({result.counted(inspection.boards)})"
    )
    return print(f"{place}: {what}, {size / 1e6:.1f} MB{replaced}")
