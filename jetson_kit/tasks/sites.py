"""`sites`: many controllers under one, over Receptor."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import (
    Choice,
    Commas,
    InputFile,
    Integer,
    Number,
    OutputFile,
    Text,
)
from jetson_kit.core.text import counted
from jetson_kit.tasks import sites_inspection
from jetson_kit.tasks.edge import RESUMED, kit_task

SITES = "the file of sites"
FILE = InputFile()
NAME = Text(63)


@kit_task(auto_shortflags=False, options={"i": FILE}, help={"i": SITES})
def up(c: Context, i: Path) -> None:
    """Start the controller's node by the newest settings. Example: ./inv sites.up -i sites.toml."""
    from jetson_kit.fleet.sites import central, inventory

    del c
    units = central.up(inventory.load(i))
    print("the controller's node is up; units for systemd:")
    for path in units:
        print(f"  {path}")


@kit_task(auto_shortflags=False, options={"i": FILE}, help={"i": SITES})
def down(c: Context, i: Path) -> None:
    """Stop the controller's node; sites go on. Example: ./inv sites.down -i sites.toml."""
    from jetson_kit.fleet.sites import central, inventory

    del c
    inventory.load(i)
    central.down(i)


@kit_task(
    auto_shortflags=False,
    options={"name": NAME, "i": FILE, "hours": Number(0.01, 24 * 30), "output": OutputFile()},
    help={
        "name": "the site, as the file of sites has it",
        "i": SITES,
        "hours": "how long the token in it is good (default 24)",
        "output": "the archive (default: dist/sites/NAME.tar)",
    },
)
def join(c: Context, name: str, i: Path, hours: float = 24.0, output: Path | None = None) -> None:
    """Write the archive by which a site joins. Example: ./inv sites.join berlin -i sites.toml.

    Bring it to the site's machine and run there: tar xf berlin.tar && ./join FOLDER.
    """
    from jetson_kit.core.paths import ROOT
    from jetson_kit.fleet.sites import central, inventory

    del c
    place = output or ROOT / "dist" / "sites" / f"{name}.tar"
    end = central.invite(inventory.load(i), name, hours, place)
    print(f"{place}: good once, until {end:%F %R} UTC")
    print(f"at the site: tar xf {place.name} && ./join FOLDER")


@kit_task(
    auto_shortflags=False,
    options={"name": NAME, "i": FILE},
    help={"name": "the site, as the file of sites has it", "i": SITES},
)
def remove(c: Context, name: str, i: Path) -> None:
    """Let a site in no more. Example: ./inv sites.remove berlin -i sites.toml."""
    from jetson_kit.fleet.sites import central, inventory

    del c
    print(central.remove(inventory.load(i), name))


@kit_task(
    variadic="target",
    auto_shortflags=False,
    options={
        "target": kinds.TARGET,
        "i": FILE,
        "only": Commas(NAME),
        "resume": Text(64),
        "file": FILE,
        "stop_at": Text(),
        "min_tried": Integer(1, 1_000_000),
        "stop_sites": Text(),
        "min_sites": Integer(1, 10_000),
        "scope": Choice("wave", "rollout"),
        "unreachable": Number(1, 7 * 86400),
        "deadline": Number(1, 366 * 86400),
    },
    optional=["resume"],
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "i": SITES,
        "only": "only these sites, by commas",
        "plan": "print which sites come when, and do nothing",
        "resume": "go on with the last rollout, or with this one; with a target it must be of that",
        "file": "plan inside each site as TOML, as ./inv fleet.rollout --file takes it",
        "stop-at": "so many failed boards stop it: a count (default 1) or a percentage",
        "min-tried": "a percentage is judged when so many were tried (default 5)",
        "stop-sites": "so many failed sites stop it: a count (default 1) or a percentage",
        "min-sites": "that percentage is judged when so many sites were tried (default 5)",
        "scope": "what a stop takes back: wave (default) or rollout",
        "unreachable": "seconds without a sign of life after which a site has failed (default 900)",
        "deadline": "seconds that a site may take in all, windows included (default 604800)",
        "json": "print the plan or the result as JSON",
    },
)
def rollout(
    c: Context,
    target: list[str],
    i: Path | None = None,
    only: tuple[str, ...] = (),
    plan: bool = False,
    resume: Any = None,  # noqa: ANN401 # an id, or True for the flag alone
    file: Path | None = None,
    stop_at: str = "1",
    min_tried: int = 5,
    stop_sites: str = "1",
    min_sites: int = 5,
    scope: str = "wave",
    unreachable: float = 900.0,
    deadline: float = 7 * 86400.0,
    json: bool = False,
) -> None:
    """Bring an image to the boards of sites. Example: ./inv sites.rollout r36.4.4 -i sites.toml.

    Exit code 0 only if every board of every site runs it, healthy and confirmed, by its site's own
    records. Example: ./inv sites.rollout r36.4.4 -i sites.toml --plan.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet.rollout import plan as board_plans
    from jetson_kit.fleet.sites import command, view
    from jetson_kit.fleet.sites import plan as plans

    del c
    if resume is not None:
        if len(target) > 1 or i or only or file or plan:
            raise BadInputError(RESUMED, "give it the release at most; leave out -i and all others")
        requested = "" if resume is True else str(resume)
        record = command.resume(requested, target="".join(target), quiet=json)
    else:
        if not i or len(target) != 1:
            raise BadInputError("name one release and the file of sites", "RELEASE -i sites.toml")
        how = plans.SitesPlan(
            board_plans.load(file, {}), board_plans.share("stop_at", stop_at), min_tried,
            board_plans.share("stop_sites", stop_sites), min_sites, scope, unreachable, deadline,
        )  # fmt: skip
        request = command.Request(i, target[0], only, how, json)
        if plan:
            view.plan(*command.planned(request), as_json=json)
            return
        record = command.start(request)
    if json:
        print(json_format.dumps(command.as_json(record), indent=1))
    command.judge(record)
    if not json:
        print(f"every board of {counted(len(record.sites), 'site')} is on {record.image_id[:19]}")


def collection() -> Collection:
    """Return the tasks under their names."""
    views = sites_inspection
    return Collection(
        "sites", up, down, join, remove, rollout,
        views.status, views.verify, views.doctor, views.report,
    )  # fmt: skip
