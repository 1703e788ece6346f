"""`run`: a video or camera through a landmarker, pipelined; says how fast and what bounds it."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import application, exit_codes, logs
from mediapipe_jetson.choice import auto
from mediapipe_jetson.choice.auto import Choice, NoChoiceError
from mediapipe_jetson.diagnosis import refused_here
from mediapipe_jetson.live import Live
from mediapipe_jetson.live.password import FILE_VARIABLE
from mediapipe_jetson.live.state import Backend
from mediapipe_jetson.live.verdict import REPORT
from mediapipe_jetson.models import MODELS_VARIABLE, models_folder
from mediapipe_jetson.observation import counted, one_line
from mediapipe_jetson.options import folder, output_file, whole
from mediapipe_jetson.pipeline import Pipeline, PipelineError, landmarkers
from mediapipe_jetson.pipeline.channel import POLICIES
from mediapipe_jetson.pipeline.draw import draw_landmarks, landmark_lists
from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.report import Report
from mediapipe_jetson.pipeline.sinks import OutputError, VideoWriter
from mediapipe_jetson.pipeline.sources import open_source, opencv, same_file
from mediapipe_jetson.usage import Parser

SCHEMA = "mediapipe-jetson/run/1"
LOG = logging.getLogger("mediapipe_jetson.run")
AUTO = "auto"
MOST = (1 << 31) - 1
PORT = whole(0, 65535)


def parser() -> Parser:
    """Return the command line."""
    tasks, backends = tuple(landmarkers.tasks()), (AUTO, *landmarkers.every_backend())
    result = Parser("run", "Run a video or camera through a landmarker; say how fast that is.")
    add = result.add_argument
    add("--task", choices=tasks, default="face", help="default: face")
    add(
        "--source",
        metavar="S",
        help="video file, pictures (frame%%03d.jpg), csi://0, /dev/video0, rtsp://HOST/PATH, or "
        "GStreamer pipeline that ends in an appsink",
    )
    add("--backend", choices=backends, default=AUTO, metavar="B",
        help=f"one of {', '.join(backends)} (default: {AUTO})")  # fmt: skip
    add(
        "--threads",
        type=whole(1, MOST),
        default=None,
        metavar="N",
        help="threads for each sub-model",
    )
    add("--policy", choices=POLICIES, help="which frames to keep (default: all of a file, the "
        "latest of a camera)")  # fmt: skip
    add("--frames", type=whole(1, MOST), metavar="N", help="stop after so many results")
    add("--output", type=output_file, metavar="FILE", help="write the drawn video, .avi or .mp4")
    add("--serve", type=PORT, metavar="PORT", help="show picture, landmarks and numbers on a page")
    add("--metrics", type=PORT, metavar="PORT", help="serve Prometheus' metrics alone; the page's "
        "port has them too")  # fmt: skip
    add("--webrtc", action="store_true", help="offer the page's picture by WebRTC (extra webrtc)")
    add("--otlp", action="store_true", help="send the metrics by OpenTelemetry's protocol "
        "(extra otel; OTEL_EXPORTER_OTLP_ENDPOINT)")  # fmt: skip
    add("--serve-password-file", type=Path, metavar="FILE", help="answer every network, with this "
        f"password (default: ${FILE_VARIABLE}; without one: only this machine)")  # fmt: skip
    add("--verify-report", type=Path, default=REPORT, metavar="FILE",
        help=f"whose verdict is shown (default: {REPORT})")  # fmt: skip
    add("--models", type=folder, help=f"default: ${MODELS_VARIABLE}")
    add("--why", action="store_true", help="say why `auto` chose what it chose")
    add("--again", action="store_true", help="let `auto` measure once more")
    add("--json", action="store_true", help=f"print JSON ({SCHEMA})")
    add("--log-format", choices=logs.FORMATS,
        help="json: messages and the report are JSON objects, one a line, on standard error "
        f"(default: ${logs.FORMAT_VARIABLE}, else text)")  # fmt: skip
    return result


@dataclass(frozen=True)
class Plan:
    """What is run: the model's path, the backend, and the choice where `auto` made it."""

    task: str
    model: Path
    backend: str
    threads: int
    choice: Optional[Choice]


def main(arguments: Sequence[str]) -> int:
    """Run; return 0, what docs/exit-codes.md has for an error, or 128 and a signal's number."""
    command = parser()
    options = command.parse_args(arguments)
    if not options.source and not options.why:
        command.error("--source is needed, or --why")
    if options.serve_password_file and not _serves(options):
        command.error("--serve-password-file is of --serve or --metrics")
    if options.webrtc and options.serve is None:
        command.error("--webrtc is of --serve")
    if options.why and options.backend != AUTO:
        command.error("--why explains --backend auto")
    try:
        logs.set_up(options.log_format or "", logging.WARNING)
    except ValueError as error:
        command.error(str(error))
    LOG.setLevel(logging.INFO)
    if never := refused_here():
        LOG.error("%s", never.message)
        return exit_codes.BROKEN
    try:
        return _source(options) if options.source else _why(options)
    except (PipelineError, NoChoiceError, OSError, ImportError) as error:
        code = exit_codes.of(error)
        # Without its traceback: the line is all that a user needs.
        LOG.log(logging.ERROR, "%s", one_line(error), extra={"fields": {"exit_code": code}})
        return code


def plan(options: argparse.Namespace, size: Optional[tuple[int, int]]) -> Plan:
    """Return what to run for frames of this size. Raises OSError, NoChoiceError."""
    model = (options.models or models_folder()) / landmarkers.tasks()[options.task].model
    if not model.is_file():
        raise FileNotFoundError(f"no model {model}: name its folder by --models")
    if options.backend != AUTO:
        return Plan(options.task, model, options.backend, options.threads or 0, None)

    def progress(message: str) -> None:
        LOG.info("choosing a backend, once: %s", message)

    chosen = auto.choose(
        options.task, model, size or auto.DEFAULT_SIZE, remeasure=options.again, progress=progress
    )
    return Plan(options.task, model, chosen.backend, options.threads or chosen.threads, chosen)


def _why(options: argparse.Namespace) -> int:
    result = plan(options, None)
    if result.choice is not None:
        explained = result.choice.explain()
        print(
            json.dumps(result.choice.as_json(), indent=1) if options.json else "\n".join(explained)
        )
    return 0


def _quiet() -> Any:  # noqa: ANN401 # OpenCV has no types
    """Return OpenCV, which says in its own log what we say in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2 = opencv()
    if hasattr(cv2.utils, "logging"):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2


def _source(options: argparse.Namespace) -> int:
    cv2 = _quiet()
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(_live(options)) if _serves(options) else None
        # Nothing is written yet, but a place that can't be written is refused before any work.
        writer = VideoWriter(options.output) if options.output else None
        source = open_source(options.source)
        stack.callback(source.close)
        if options.output and same_file(options.source, options.output):
            raise OutputError(f"{options.output} is the source: name another file by --output")
        endless = getattr(source, "live", source.expected is None)
        policy = options.policy or ("latest" if endless else "all")
        if policy == "latest" and hasattr(source, "paced"):
            source.paced = True
        result = plan(options, source.size)
        # The stages share the cores; OpenCV would start as many threads in each.
        cv2.setNumThreads(1)
        request = landmarkers.LandmarkerRequest(
            result.task, str(result.model), result.backend, result.threads
        )
        landmarker = stack.enter_context(landmarkers.make(request))
        if writer:
            stack.enter_context(writer)
        sink = _Results(writer, options.frames)
        draw = draw_landmarks if writer else None
        pipeline = Pipeline(source, landmarker, sink, policy=policy, draw=draw)
        sink.pipeline = pipeline
        application.show_life(pipeline)
        if live:
            live.attach(pipeline, Backend(result.task, result.backend, result.threads))
        report, stopped = _run(pipeline)
    frames = counted(sink.frames_with_results, "frame")
    summary = f"{result.task} by {result.backend}, something found in {frames}"
    if options.json:
        print(json.dumps(document(result, report, sink.frames_with_results), indent=1))
    elif logs.json_lines():
        LOG.info(
            "%s",
            summary,
            extra={"fields": {"report": document(result, report, sink.frames_with_results)}},
        )
    else:
        print(summary)
        print("\n".join(report.lines()))
        if options.why and result.choice is not None:
            print("\n".join(result.choice.explain()))
    return exit_codes.SIGNAL + stopped if stopped else exit_codes.DONE


def _serves(options: argparse.Namespace) -> bool:
    return options.serve is not None or options.metrics is not None or options.otlp


def _live(options: argparse.Namespace) -> Live:
    """Serve what is asked for, and say where. Raises ServeError."""
    live = Live(
        options.serve,
        options.metrics,
        password_file=options.serve_password_file,
        verify_report=options.verify_report,
        otlp=options.otlp,
        webrtc=options.webrtc,
    )
    for item in live.lines():
        LOG.info("serving %s", item)
    return live


class _Results:
    """The end of the pipeline: counts, and writes if asked."""

    def __init__(self, writer: Optional[VideoWriter], most: Optional[int]) -> None:
        self.writer, self.most = writer, most
        self.done = self.frames_with_results = 0
        self.pipeline: Optional[Pipeline] = None

    def __call__(self, job: Detected) -> None:
        if self.writer:
            self.writer(job)
        self.done += 1
        self.frames_with_results += bool(landmark_lists(job.result))
        if self.done == self.most and self.pipeline:
            self.pipeline.stop()


def _run(pipeline: Pipeline) -> tuple[Report, int]:
    """Run until the end or a signal; return the report and the signal's number, 0 for none."""
    try:
        return pipeline.run(), 0
    except KeyboardInterrupt as stop:
        return pipeline.report(), int(getattr(stop, "number", signal.SIGINT))


def document(run_plan: Plan, report: Report, value: int) -> dict[str, Any]:
    """Return the JSON document of a run."""
    return {
        "schema": SCHEMA,
        "task": run_plan.task,
        "backend": run_plan.backend,
        "threads": run_plan.threads,
        "frames_with_results": value,
        "choice": run_plan.choice.as_json() if run_plan.choice else None,
        **report.as_json(),
    }
