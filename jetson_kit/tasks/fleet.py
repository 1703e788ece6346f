"""`fleet`: from JetPack out of the box to a verified image, on many boards."""

from __future__ import annotations

import json as json_format
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import (
    Choice,
    InputFile,
    OutputFile,
    OutputFolder,
    Reader,
    Text,
)
from jetson_kit.core.text import counted
from jetson_kit.tasks import fleet_channel, fleet_k3s, fleet_release
from jetson_kit.tasks.edge import RESUMED, kit_task

INVENTORY = "Ansible inventory: a file or a folder"
LIMIT = "only these hosts or groups, by commas"
# Options that are keys of a plan, whose reader checks them: jetson_kit/fleet/rollout/plan.py.
PLANNED = (
    "canary", "batches", "soak", "stop_at", "min_tried", "scope", "window", "verify", "latency",
    "way", "forks", "rate",
)  # fmt: skip
HOSTS: Mapping[str, Reader] = {"i": kinds.inventory, "limit": kinds.LIMIT}


@kit_task(
    auto_shortflags=False,
    options={**HOSTS, "tags": kinds.WORDS, "forks": kinds.FORKS},
    help={
        "i": INVENTORY,
        "limit": LIMIT,
        "check": "change nothing, tell what would be changed, with the differences",
        "tags": "only these roles, by commas, such as docker_engine,image",
        "forks": "how many boards at a time (default 50)",
    },
)
def provision(
    c: Context,
    i: Path,
    limit: str = "",
    check: bool = False,
    tags: tuple[str, ...] = (),
    forks: int = 50,
) -> None:
    """Make boards able to take images. Example: ./inv fleet.provision -i hosts.yml."""
    from jetson_kit.fleet import provision as provisioning

    del c
    provisioning.run(provisioning.ProvisionRequest(i, limit, check, tags, forks))
    if not check:
        print(f"next: ./inv fleet.status -i {shlex.quote(str(i))}")


@kit_task(
    auto_shortflags=False,
    options={**HOSTS, "forks": kinds.FORKS},
    help={
        "i": INVENTORY,
        "limit": LIMIT,
        "check": "change nothing, tell what would be changed, with the differences",
        "forks": "how many boards at a time (default 50)",
    },
)
def uninstall(c: Context, i: Path, limit: str = "", check: bool = False, forks: int = 50) -> None:
    """Take away what provision put on boards. Example: ./inv fleet.uninstall -i hosts.yml."""
    from jetson_kit.fleet import provision as provisioning

    del c
    request = provisioning.ProvisionRequest(
        i, limit, check, forks=forks, playbook=provisioning.UNINSTALL
    )
    provisioning.run(request)


@kit_task(
    variadic="target",
    auto_shortflags=False,
    options={
        "target": kinds.TARGET,
        **HOSTS,
        "resume": Text(64),
        "file": InputFile(),
        **dict.fromkeys(PLANNED, Text()),
    },
    optional=["resume"],
    help={
        "target": "name below dist/, or a folder that ./inv build wrote",
        "i": INVENTORY,
        "limit": LIMIT,
        "plan": "print who comes when, and do nothing",
        "resume": "go on with the last rollout, or with this one; with a target it must be of that",
        "file": "plan as TOML: the keys are the long flags' and jetson_kit/fleet/rollout/plan.py's",
        "canary": "who goes first: hosts by commas, a count or a percentage (default 1)",
        "batches": "sizes by commas, the last is repeated (default 10%,25%)",
        "soak": "seconds that a new image is watched before it counts as good (default 60)",
        "stop-at": "so many failures stop the rollout: a count (default 1) or a percentage",
        "min-tried": "a percentage is judged when so many were tried (default 5)",
        "scope": "what a stop takes back: batch (default) or rollout",
        "window": "local time in which images are switched, such as 22:00-05:00",
        "verify": "level after the switch: quick (default), full or none",
        "latency": "a task may become slower by this factor (default 1.5; 0 judges none)",
        "way": "archive (default: layers from here) or registry",
        "forks": "how many boards at a time (default 50)",
        "rate": "most KiB a second for one board (default: no limit)",
        "allow-downgrade": "on purpose: boards take it though it is older than what they confirmed",
        "take-over": "touch boards that another controller left on trial",
        "json": "print the plan or the result as JSON",
    },
)
def rollout(
    c: Context,
    target: list[str],
    i: Path | None = None,
    limit: str = "",
    plan: bool = False,
    resume: Any = None,  # noqa: ANN401 # an id, or True for the flag alone
    file: Path | None = None,
    canary: str = "",
    batches: str = "",
    soak: str = "",
    stop_at: str = "",
    min_tried: str = "",
    scope: str = "",
    window: str = "",
    verify: str = "",
    latency: str = "",
    way: str = "",
    forks: str = "",
    rate: str = "",
    allow_downgrade: bool = False,
    take_over: bool = False,
    json: bool = False,
) -> None:
    """Bring an image to a fleet, wave by wave. Example: ./inv fleet.rollout r36.4.4 -i hosts.yml.

    Exit code 0 only if every host runs it, healthy and confirmed; else 1, after taking back what
    the plan says. More: ./inv fleet.rollout r36.4.4 -i hosts.yml --canary 1 --batches 10%,25%.
    """
    from jetson_kit.core.errors import BadInputError
    from jetson_kit.fleet import views
    from jetson_kit.fleet.rollout import command as rollout_command
    from jetson_kit.fleet.rollout import plan as rollout_plan
    from jetson_kit.fleet.rollout import results

    del c
    given = {
        "canary": canary, "batches": batches, "soak_s": soak, "stop_at": stop_at,
        "min_tried": min_tried, "scope": scope, "window": window, "verify": verify,
        "latency_factor": latency, "way": way, "concurrency": forks, "rate_kib": rate,
    }  # fmt: skip
    flags: dict[str, Any] = {name: value for name, value in given.items() if value}
    flags |= {"allow_downgrade": True} if allow_downgrade else {}
    if resume is not None:
        if len(target) > 1 or i or limit or file or flags or plan:
            raise BadInputError(RESUMED, "give it the release at most; leave out -i and all others")
        record = rollout_command.resume(
            "" if resume is True else str(resume),
            target="".join(target), take_over=take_over, quiet=json,
        )  # fmt: skip
    else:
        if not i:
            raise BadInputError("no inventory is named", "name one: -i hosts.yml")
        how = rollout_plan.load(file, flags)
        if len(target) > 1:
            raise BadInputError(f"{target[1]} is one release too many", "roll out one at a time")
        request = rollout_command.RolloutRequest(i, "".join(target), how, limit, take_over, json)
        if plan:
            release, waves = rollout_command.planned(request)
            if json:
                print(json_format.dumps(views.plan_json(how, waves, release), indent=1))
            else:
                views.plan_table(how, waves)
            return
        record = rollout_command.start(request)
    if json:
        print(json_format.dumps(results.as_json(record), indent=1))
    rollout_command.judge(record)
    if not json:
        print(f"every host is on {record.image_id[:19]}, healthy and confirmed")


@kit_task(
    auto_shortflags=False,
    options={**HOSTS, "why": Text(1000)},
    help={
        "i": INVENTORY,
        "limit": LIMIT,
        "why": "reason, for the records",
        "json": "print the result as JSON",
    },
)
def rollback(
    c: Context, i: Path, limit: str = "", why: str = "by hand", json: bool = False
) -> None:
    """Put boards back to their previous image. Example: ./inv fleet.rollback -i hosts.yml."""
    from jetson_kit.fleet.rollout import results
    from jetson_kit.fleet.rollout import rollback as back

    del c
    record, took = back.run(i, limit, why=why, quiet=json)
    if json:
        body = {**results.as_json(record), "seconds": round(took, 2)}
        print(json_format.dumps(body, indent=1))
    back.judge(record)
    if not json:
        print(f"{counted(len(record.hosts), 'host')} went back in {took:.1f} s")


@kit_task(
    auto_shortflags=False,
    options=HOSTS,
    help={
        "i": INVENTORY,
        "limit": LIMIT,
        "check": "end with exit code 1 if there is any drift",
        "json": "machine-readable output",
    },
)
def status(c: Context, i: Path, limit: str = "", check: bool = False, json: bool = False) -> None:
    """Show what each board is on, and any drift. Example: ./inv fleet.status -i hosts.yml."""
    from jetson_kit.core.errors import CheckFailedError
    from jetson_kit.fleet import views
    from jetson_kit.fleet.rollout import command as rollout_command

    del c
    result = rollout_command.status(i, limit)
    if json:
        print(json_format.dumps(result.as_json(), indent=1))
    else:
        views.status_table(result)
    if check and result.drifted:
        raise CheckFailedError(
            f"{len(result.drifted)} of {counted(len(result.rows), 'host')} drifted"
        )


@kit_task(
    auto_shortflags=False,
    options={
        **HOSTS,
        "level": Choice("quick", "full"),
        "output": OutputFolder(),
        "json": OutputFile(),
    },
    help={
        "i": INVENTORY,
        "limit": LIMIT,
        "level": "quick or full (default: mediapipe_level of the inventory)",
        "output": "folder for each host's report (default: dist/reports/INVENTORY)",
        "json": "write the result to this file",
    },
)
def verify(
    c: Context,
    i: Path,
    limit: str = "",
    level: str = "",
    output: Path | None = None,
    json: Path | None = None,
) -> None:
    """Prove where inference runs on every board. Example: ./inv fleet.verify -i hosts.yml."""
    from jetson_kit.fleet import check
    from jetson_kit.tasks import verify as verifying

    check.check(i, limit)
    verifying.verify(c, i=i, limit=limit, level=level, output=output, json=json)


def collection() -> Collection:
    """Return the tasks under their names."""
    return Collection(
        "fleet",
        provision,
        uninstall,
        rollout,
        rollback,
        status,
        verify,
        fleet_release.key,
        fleet_release.signers,
        fleet_release.release,
        fleet_release.registry,
        fleet_release.collection,
        fleet_channel.channel,
        fleet_channel.collect,
        fleet_k3s.k3s,
    )
