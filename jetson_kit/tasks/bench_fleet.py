"""`bench.*` of boards, rollouts, sites and their pages: numbers in docs/."""

from __future__ import annotations

import json
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, Commas, Folder, Integer, Text
from jetson_kit.tasks.edge import kit_task


@kit_task(
    name="devices",
    options={"rounds": kinds.ROUNDS},
    auto_shortflags=False,
    help={
        "rounds": "times that each kind is brought up (default 3)",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def virtual_devices(c: Context, rounds: int = 3, busy: bool = False) -> None:
    """Time virtual Jetsons from power-on to ssh. Example: ./inv bench.devices."""
    from bench import devices as bench_devices
    from bench import pages as readme

    del c
    print(json.dumps(bench_devices.run(rounds, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="faults",
    variadic="cases",
    options={
        "cases": Text(100),
        "engine": Text(40),
        "image": Folder(),
        "points": Integer(1, 10000),
        "minutes": Integer(1, 100000),
    },
    auto_shortflags=False,
    help={
        "cases": "cases of bench/faults/cases.toml, containers, guests or drives (all)",
        "again": "try them anew (default: goes on with what was not tried)",
        "keep": "leave the devices up for the next run",
        "engine": "the devices' Docker Engine, as of devices.up (default 20.10)",
        "image": "folder of a build for the devices' processor (default: small images)",
        "points": "so many power cuts in each phase, spread over it (default: as cases.toml says)",
        "minutes": "begin no try after so many; the next run goes on (default: until all is done)",
    },
)
def faulty_rollouts(
    c: Context,
    cases: list[str],
    again: bool = False,
    keep: bool = False,
    engine: str = "",
    image: Path | None = None,
    points: int = 0,
    minutes: int = 0,
) -> None:
    """Roll out under each fault, on virtual devices. Example: ./inv bench.faults power-cut-load."""
    from bench import pages as readme
    from bench.faults import command, setting

    del c
    try:
        result = command.run(
            cases, forget=again, keep=keep, requested=setting.check(engine, image),
            points=points, minutes=minutes,
        )  # fmt: skip
    finally:
        # The results are in their file by now, also where some of them were wrong.
        readme.renew()
    print(json.dumps(result, indent=1))


@kit_task(
    name="rollout",
    options={"hosts": Commas(Integer(1, 10000), 20)},
    auto_shortflags=False,
    help={
        "hosts": "numbers of hosts, by commas (default 10,100,500)",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def rollouts(c: Context, hosts: tuple[int, ...] = (10, 100, 500), busy: bool = False) -> None:
    """Time rollouts against plain Ansible. Example: ./inv bench.rollout --hosts 10."""
    from bench import pages as readme
    from bench import rollout as bench_rollout

    del c
    print(json.dumps(bench_rollout.run(hosts, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="simulation",
    options={
        "sites": Integer(2, 10_000), "boards": Integer(4, 1_000_000),
        "seed": Integer(0, 1_000_000), "only": Commas(Text(60), 20),
    },
    auto_shortflags=False,
    help={
        "sites": "how many (default: as bench/simulation/scenario.toml says)",
        "boards": "of all sites (default: as there)",
        "seed": "another one is another fleet (default 1)",
        "only": "only these plans, by commas",
        "again": "simulate anew what bench/simulation.json has already",
    },
)  # fmt: skip
def simulation(
    c: Context,
    sites: int = 0,
    boards: int = 0,
    seed: int = 1,
    only: tuple[str, ...] = (),
    again: bool = False,
) -> None:
    """Simulate rollouts to 100,000 boards. Example: ./inv bench.simulation --seed 2."""
    from bench import pages as readme
    from bench.simulation import command

    del c
    print(json.dumps(command.run(sites, boards, seed, only, force=again), indent=1))
    if not (sites or boards):
        readme.renew()


@kit_task(
    name="sites",
    options={
        "sites": Commas(Integer(1, 16), 8), "boards": Integer(1, 200),
        "kills": Integer(1, 10_000), "seed": Integer(0, 1_000_000),
        "only": Commas(Choice("top", "site", "command", "top-mesh", "site-mesh", "link"), 6),
    },
    auto_shortflags=False,
    help={
        "sites": "numbers of sites, by commas (default 1,4,8)",
        "boards": "light endpoints at each (default 50)",
        "kills": "make so many kills at random moments instead; they add to those before",
        "seed": "of the moments (default: one that was not tried)",
        "only": "what is killed, by commas: top, site, command, top-mesh, site-mesh, link "
                "(default all)",
    },
)  # fmt: skip
def sites(
    c: Context,
    sites: tuple[int, ...] = (1, 4, 8),
    boards: int = 50,
    kills: int = 0,
    seed: int = 0,
    only: tuple[str, ...] = (),
) -> None:
    """Measure a rollout over sites at the top. Example: ./inv bench.sites --sites 1 --boards 10."""
    from bench import pages as readme
    from bench.sites import command

    del c
    try:
        result = command.kill(kills, seed, only) if kills else command.run(sites, boards)
    finally:
        readme.renew()
    print(json.dumps(result["costs"], indent=1))


@kit_task(name="report")
def report_pages(c: Context) -> None:
    """Time the pages of 1,000 and 10,000 boards in Chromium. Example: ./inv bench.report."""
    from bench import pages as readme
    from bench import report

    del c
    print(json.dumps(report.run(), indent=1))
    readme.renew()
