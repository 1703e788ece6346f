"""`bench.*` of wheels, images and inference: numbers in docs/benchmarks.md."""

from __future__ import annotations

import json
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import MEBIBYTE, Commas, InputFile, Text
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
    options={"rows": Commas(Text(100))},
    help={"rows": "of bench/machines/rows.toml, by spaces or commas (all)"},
)
def machines(c: Context, rows: list[tuple[str, ...]]) -> None:
    """Set bare machines up and build there: the same bytes? Example: ./inv bench.machines sid."""
    from bench.machines import command

    del c
    command.run([name for part in rows for name in part])


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


@kit_task(
    name="nearness",
    options={"draws": kinds.ROUNDS},
    help={"draws": "times that the noise is drawn (default 5)"},
)
def nearness(c: Context, draws: int = 5) -> None:
    """Measure how far mp.solutions is from 0.10.21, kind by kind. Example: ./inv bench.nearness."""
    from bench import pages as readme
    from bench.solutions import nearness as near

    del c
    print(json.dumps(near.run(draws), indent=1))
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
