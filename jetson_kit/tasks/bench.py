"""`bench.*`: every number in the README."""

from __future__ import annotations

import json

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(name="build", help={"no-rival": "leave out the emulated build, which takes minutes"})
def build(c: Context, no_rival: bool = False) -> None:
    """Time the build against the plain Dockerfile under emulation. Example: ./inv bench.build."""
    from jetson_kit import bench_build, readme

    del c
    print(json.dumps(bench_build.run(rival=not no_rival), indent=1))
    readme.renew()


@kit_task(name="import", help={"rounds": "imports of each side (default 11)"})
def import_time(c: Context, rounds: int = 11) -> None:
    """Time `import mediapipe`, ours against the official wheel. Example: ./inv bench.import."""
    from jetson_kit import import_bench, readme

    del c
    print(import_bench.report(rounds))
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
