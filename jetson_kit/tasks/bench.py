"""`bench.*`: every number in docs/benchmarks.md."""

from __future__ import annotations

import json
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import (
    MEBIBYTE,
    Choice,
    Commas,
    Folder,
    InputFile,
    Integer,
    Text,
)
from jetson_kit.tasks.edge import kit_task


@kit_task(
    name="build",
    options={"rounds": kinds.ROUNDS},
    auto_shortflags=False,
    help={
        "rounds": "times that each of ours is measured (default 3)",
        "no-rival": "leave out the emulated build, which takes minutes; writes no file",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def build(c: Context, rounds: int = 3, no_rival: bool = False, busy: bool = False) -> None:
    """Time the build against the plain Dockerfile under emulation. Example: ./inv bench.build."""
    from bench import pages as readme
    from bench.build import command

    del c
    print(json.dumps(command.run(rounds, rival_rounds=0 if no_rival else 2, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="import",
    options={"rounds": kinds.ROUNDS},
    help={"rounds": "imports of each side (default 11)"},
)
def import_time(c: Context, rounds: int = 11) -> None:
    """Time `import mediapipe`, ours against the official wheel. Example: ./inv bench.import."""
    from bench import import_time as import_bench
    from bench import pages as readme

    del c
    print(import_bench.report(rounds))
    readme.renew()


@kit_task(name="export")
def export(c: Context) -> None:
    """Compare our ONNX files with tf2onnx's, which needs 2 GB. Example: ./inv bench.export."""
    from bench import export as bench
    from bench import pages as readme

    del c
    print(json.dumps(bench.run(), indent=1))
    readme.renew()


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
            cases, again=again, keep=keep, asked=setting.check(engine, image),
            points=points, minutes=minutes,
        )  # fmt: skip
    finally:
        # What was found stands in its file by now, also where some of it was wrong.
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
    print(json.dumps(command.run(sites, boards, seed, only, again=again), indent=1))
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


@kit_task(
    name="inference",
    options={"rounds": kinds.ROUNDS, "take": InputFile(64 * MEBIBYTE)},
    auto_shortflags=False,
    help={
        "rounds": "turns of each backend (default 3)",
        "busy": "measure on a busy machine too; the result says so",
        "take": "take over a file that `python3 -m mediapipe_jetson bench` wrote on a board",
    },
)
def inference(c: Context, rounds: int = 3, busy: bool = False, take: Path | None = None) -> None:
    """Measure every backend, and the pipeline against a loop. Example: ./inv bench.inference."""
    from bench import inference as bench_inference
    from bench import pages as readme

    del c
    if take:
        print("\n".join(map(str, bench_inference.take(take))))
    else:
        print(json.dumps(bench_inference.run(rounds, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="machines",
    variadic="rows",
    options={"rows": Text(100)},
    help={"rows": "of bench/machines/rows.toml (all)"},
)
def machines(c: Context, rows: list[str]) -> None:
    """Set bare machines up and build there: the same bytes? Example: ./inv bench.machines sid."""
    from bench.machines import command

    del c
    command.run(rows)


@kit_task(
    name="litert",
    options={"model": Text(), "take": InputFile(MEBIBYTE)},
    auto_shortflags=False,
    help={
        "model": "sub-models whose name has this in it (default: all); writes no file",
        "take": "take over what `python3 -m mediapipe_jetson.bench.litert` printed on a board",
    },
)
def litert(c: Context, model: str = "", take: Path | None = None) -> None:
    """Run every sub-model by LiteRT over Vulkan, in software. Example: ./inv bench.litert."""
    from bench import litert_gpu

    del c
    print(json.dumps(litert_gpu.run([model] if model else [], take=take), indent=1))


@kit_task(
    name="translate",
    variadic="parts",
    options={"parts": Text(40)},
    help={"parts": "of bench/translate.json, to be measured again (all but long_run)"},
)
def translate(c: Context, parts: list[str]) -> None:
    """Translate MediaPipe for older cores and compare. Example: ./inv bench.translate threads."""
    from bench import pages as readme
    from bench.translate import command

    del c
    print(json.dumps(command.run(parts), indent=1))
    readme.renew()


@kit_task(
    name="solutions",
    options={"rounds": kinds.ROUNDS},
    help={"rounds": "turns of each side (default 3)"},
)
def solutions(c: Context, rounds: int = 3) -> None:
    """Measure mp.solutions against MediaPipe 0.10.21 and Tasks. Example: ./inv bench.solutions."""
    from bench import pages as readme
    from bench.solutions import command

    del c
    print(json.dumps(command.run(rounds), indent=1))
    readme.renew()


@kit_task(name="report")
def report_pages(c: Context) -> None:
    """Time the pages of 1,000 and 10,000 boards in Chromium. Example: ./inv bench.report."""
    from bench import pages as readme
    from bench import report

    del c
    print(json.dumps(report.run(), indent=1))
    readme.renew()


@kit_task(name="live")
def live(c: Context) -> None:
    """Measure what the live view and its metrics cost. Example: ./inv bench.live."""
    from bench import live as live_view

    del c
    live_view.main()


@kit_task(
    name="app",
    options={"rounds": kinds.ROUNDS},
    auto_shortflags=False,
    help={
        "rounds": "turns of the pipeline and of MediaPipe's loop (default 7)",
        "real-time": "both at real-time priority (as root): other work counts for neither",
    },
)
def application(c: Context, rounds: int = 7, real_time: bool = False) -> None:
    """Measure speed, age of pictures in a browser, metrics' cost. Example: ./inv bench.app."""
    from bench import pages as readme
    from bench.app import command

    del c
    print(json.dumps(command.run(rounds, real_time=real_time), indent=1))
    readme.renew()
