"""The command line of `bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediapipe_jetson import exit_codes, usage
from mediapipe_jetson.bench import board, measure, sample, versus
from mediapipe_jetson.choice import auto, identity
from mediapipe_jetson.choice.trials import Trial
from mediapipe_jetson.diagnosis import refused_here
from mediapipe_jetson.models import MODELS_VARIABLE, models_folder
from mediapipe_jetson.observation import Absent, one_line
from mediapipe_jetson.observe import cpu, emulation, l4t, module, packages
from mediapipe_jetson.options import folder, input_file, output_file, whole
from mediapipe_jetson.pipeline import PipelineError, landmarkers
from mediapipe_jetson.usage import Parser
from mediapipe_jetson.verify import report

SCHEMA = "mediapipe-jetson/bench-inference/1"
VIDEO_MOST = 16 << 30
SIZES = ((640, 480), (1920, 1080))
# As in the host's benchmarks: running programs for each core, above which times are not to trust.
BUSY = 0.5
LEAST_TURNS = 3


_whole = whole(1, 100000)


def parser() -> Parser:
    """Return the command line."""
    known = tuple(landmarkers.tasks())
    result = Parser("bench", "Measure every backend that is here, in turns, and the pipeline.")
    add = result.add_argument
    add("--task", action="append", choices=known, help="may be repeated (default: all)")
    add("--backend", action="append", choices=landmarkers.every_backend(), metavar="B",
        help="may be repeated (default: all)")  # fmt: skip
    add(
        "--threads",
        action="append",
        type=_whole,
        metavar="N",
        help="for each sub-model; may be repeated (default: 1, 2, 4, as there are cores)",
    )
    add("--size", action="append", type=_size, metavar="WxH",
        help="size of the frames; may be repeated (default: 640x480 and 1920x1080)")  # fmt: skip
    add("--rounds", type=_whole, default=3, metavar="N", help="turns (default: 3)")
    add("--frames", type=_whole, default=60, metavar="N", help="frames in a turn (default: 60)")
    add(
        "--video",
        type=input_file(VIDEO_MOST),
        metavar="FILE",
        help="a video with a face, for the pipeline (default: the photograph sways)",
    )
    add("--models", type=folder, help=f"default: ${MODELS_VARIABLE}")
    add("--json", type=output_file, metavar="FILE", help=f"write the result ({SCHEMA})")
    return result


def _size(word: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", word)
    if not match:
        raise argparse.ArgumentTypeError(f"{word!r} is no size such as 1280x720")
    return int(match[1]), int(match[2])


def main(arguments: Sequence[str]) -> int:
    """Measure; return 0, or the code of what went wrong."""
    options = parser().parse_args(arguments)
    if never := refused_here():
        print(f"error: {never.message}", file=sys.stderr)
        return exit_codes.BROKEN
    try:
        result = document(options)
    except (PipelineError, OSError, ImportError, RuntimeError) as error:
        print(usage.line(f"error: {one_line(error)}"), file=sys.stderr)
        return exit_codes.of(error)
    if options.json:
        report.write(options.json, json.dumps(result, indent=1) + "\n")
    print("\n".join(text(result)))
    return 0


def document(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and return the document. Raises OSError, PipelineError, RuntimeError."""
    cores = len(os.sched_getaffinity(0))
    pairs = [
        (backend, threads)
        for backend, threads in auto.candidates(options.threads)
        if not options.backend or backend in options.backend
    ]
    request = measure.BenchRequest(
        options.models or models_folder(),
        tuple(options.task or landmarkers.tasks()),
        tuple(options.size or SIZES),
        tuple(pairs),
        options.rounds,
        options.frames,
    )
    for task in request.tasks:
        model = request.models / landmarkers.tasks()[task].model
        if not model.is_file():
            raise FileNotFoundError(f"no model {model}: name its folder by --models")
    load = round(os.getloadavg()[0], 2)
    before = board.read()
    began = time.time()
    rows = measure.run(request, _print_progress)
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "device": device(),
        "cores": cores,
        "load_at_start": load,
        "quiet": load <= BUSY * cores,
        "priority": priority(),
        "began_at": round(began),
        "board_before": before,
        "backends": measure.summary(rows, request.sizes[0]),
        "summary_size": list(request.sizes[0]),
        "trials": rows,
        "pipeline": None,
        "pipeline_speedup": None,
    }
    if "face" in request.tasks:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            video = options.video or sample.make(Path(folder), request.sizes[0])
            result.update(_pipelined(video, request, rows))
    return {**result, "board_after": board.read()}


def _pipelined(
    video: Path, request: measure.BenchRequest, rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the pipeline on the best backend against MediaPipe in a loop."""
    size = list(request.sizes[0])
    best = auto.best([_trial(row) for row in rows if (row["task"], row["size"]) == ("face", size)])
    if best is None:
        raise RuntimeError("no backend runs face rightly here: nothing to pipeline")
    _print_progress(f"pipeline: {best.backend}, {auto.threads_in_words(best.threads)}")
    bundle = str(request.models / landmarkers.tasks()["face"].model)
    turns = max(request.rounds, LEAST_TURNS)
    compared = versus.compare(video, "face", bundle, best.backend, best.threads, turns)
    return {
        "pipeline": {"video": video.name, **compared},
        "pipeline_speedup": compared["speedup"],
    }


def _print_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _trial(row: dict[str, Any]) -> Trial:
    known = {name: row[name] for name in Trial.__dataclass_fields__}
    return Trial(**{**known, "size": tuple(row["size"])})


def priority() -> str:
    """Return "real-time" or "normal": how this process stands against others."""
    realtime = os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
    return "real-time" if realtime else "normal"


def device() -> dict[str, Any]:
    """Return what this machine is; `name` is fit for a file's name."""
    board_is, release, processor = module.read(), l4t.read(), cpu.read()
    model = None if isinstance(board_is, Absent) else board_is.model
    part = None if isinstance(board_is, Absent) else board_is.part
    emulated, _ = emulation.judge(_json(emulation.read()))
    machine = f"{platform.machine()}-{len(os.sched_getaffinity(0))}"
    return {
        "name": re.sub(r"[^a-z0-9]+", "-", (part or model or machine).lower()).strip("-"),
        "model": model,
        "part": part,
        "l4t": None if isinstance(release, Absent) else release.release,
        "cpu": None if isinstance(processor, Absent) else list(processor.names),
        "emulated": emulated,
        "versions": {
            name: version
            for name in identity.RUNTIMES
            if (version := packages.version(name)) is not None
        },
    }


def _json(record: Any) -> dict[str, Any]:  # noqa: ANN401 # a frozen dataclass
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def text(result: dict[str, Any]) -> list[str]:
    """Return what a person reads."""
    busy = "" if result["quiet"] else f", busy with other work (load {result['load_at_start']})"
    lines = [f"{result['device']['name']}, {result['cores']} cores{busy}"]
    lines.append(
        f"{'task':<6}{'frames':<11}{'backend':<15}{'threads':>8}{'median':>9}{'p99':>9}  ms"
    )
    for row in result["trials"]:
        size = f"{row['size'][0]}x{row['size'][1]}"
        head = f"{row['task']:<6}{size:<11}{row['backend']:<15}{row['threads'] or '-':>8}"
        if row["ok"]:
            lines.append(f"{head}{row['median_ms']:>9.2f}{row['p99_ms']:>9.2f}")
        else:
            lines.append(f"{head}  no: {row['why']}")
    if result["pipeline"]:
        pipeline = result["pipeline"]
        lines.append(
            f"{pipeline['video']}: {pipeline['pipeline']['fps']} frames a second pipelined on "
            f"{pipeline['backend']}, {pipeline['loop']['fps']} in a loop: "
            f"{pipeline['speedup']} times; "
            f"results at most {pipeline['results']['worst']:.2%} of the face apart"
        )
    return lines
