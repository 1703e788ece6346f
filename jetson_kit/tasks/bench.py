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
