"""`bench.*`: every number in the README."""

from __future__ import annotations

import json

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(
    name="build",
    auto_shortflags=False,
    help={
        "rounds": "times that each of ours is measured (default 3)",
        "no-rival": "leave out the emulated build, which takes minutes; writes no file",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def build(c: Context, rounds: int = 3, no_rival: bool = False, busy: bool = False) -> None:
    """Time the build against the plain Dockerfile under emulation. Example: ./inv bench.build."""
    from bench.build import command
    from jetson_kit import readme

    del c
    print(json.dumps(command.run(rounds, rival_rounds=0 if no_rival else 2, busy=busy), indent=1))
    readme.renew()


@kit_task(name="import", help={"rounds": "imports of each side (default 11)"})
def import_time(c: Context, rounds: int = 11) -> None:
    """Time `import mediapipe`, ours against the official wheel. Example: ./inv bench.import."""
    from jetson_kit import import_bench, readme

    del c
    print(import_bench.report(rounds))
    readme.renew()


@kit_task(name="export")
def export(c: Context) -> None:
    """Compare our ONNX files with tf2onnx's, which needs 2 GB. Example: ./inv bench.export."""
    from jetson_kit import readme
    from jetson_kit.engines import bench

    del c
    print(json.dumps(bench.run(), indent=1))
    readme.renew()


@kit_task(
    name="devices",
    auto_shortflags=False,
    help={
        "rounds": "times that each kind is brought up (default 3)",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def virtual_devices(c: Context, rounds: int = 3, busy: bool = False) -> None:
    """Time virtual Jetsons from power-on to ssh. Example: ./inv bench.devices."""
    from jetson_kit import bench_devices, readme

    del c
    print(json.dumps(bench_devices.run(rounds, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="faults",
    variadic="cases",
    auto_shortflags=False,
    help={
        "cases": "cases of jetson_kit/bench_faults/cases.toml, containers or guests (all)",
        "again": "try them anew (default: goes on with what was not tried)",
        "keep": "leave the devices up for the next run",
    },
)
def faulty_rollouts(c: Context, cases: list[str], again: bool = False, keep: bool = False) -> None:
    """Roll out under each fault, on virtual devices. Example: ./inv bench.faults power-cut-load."""
    from jetson_kit.bench_faults import command

    del c
    print(json.dumps(command.run(cases, again=again, keep=keep), indent=1))


@kit_task(
    name="rollout",
    auto_shortflags=False,
    help={
        "hosts": "numbers of hosts, by commas (default 10,100,500)",
        "busy": "measure on a busy machine too; the result says so",
    },
)
def rollouts(c: Context, hosts: str = "10,100,500", busy: bool = False) -> None:
    """Time rollouts against plain Ansible. Example: ./inv bench.rollout --hosts 10."""
    from jetson_kit import bench_rollout, readme
    from jetson_kit.errors import BadInputError

    del c
    try:
        counts = [int(word) for word in hosts.split(",")]
    except ValueError as error:
        raise BadInputError(f"{hosts} are no numbers of hosts", "write 10,100,500") from error
    print(json.dumps(bench_rollout.run(counts, busy=busy), indent=1))
    readme.renew()


@kit_task(
    name="inference",
    auto_shortflags=False,
    help={
        "rounds": "turns of each backend (default 3)",
        "busy": "measure on a busy machine too; the result says so",
        "take": "take over a file that `python3 -m mediapipe_jetson bench` wrote on a board",
    },
)
def inference(c: Context, rounds: int = 3, busy: bool = False, take: str = "") -> None:
    """Measure every backend, and the pipeline against a loop. Example: ./inv bench.inference."""
    from pathlib import Path

    from jetson_kit import bench_inference, readme

    del c
    if take:
        print("\n".join(map(str, bench_inference.take(Path(take)))))
    else:
        print(json.dumps(bench_inference.run(rounds, busy=busy), indent=1))
    readme.renew()


@kit_task(name="machines", variadic="rows", help={"rows": "of bench/machines/rows.toml (all)"})
def machines(c: Context, rows: list[str]) -> None:
    """Set bare machines up and build there: the same bytes? Example: ./inv bench.machines sid."""
    from bench.machines import command

    del c
    command.run(rows)


@kit_task(
    name="translate",
    auto_shortflags=False,
    help={"no-inference": "leave out the inferences under emulation, which take minutes"},
)
def translate(c: Context, no_inference: bool = False) -> None:
    """Translate MediaPipe for older cores and compare with the original, state by state."""
    from bench.translate import command
    from jetson_kit import readme

    del c
    print(json.dumps(command.run(infer=not no_inference), indent=1))
    readme.renew()
