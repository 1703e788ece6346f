"""The metrics of a pipeline, its verdict, its board and its process, for Prometheus."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from pathlib import Path

from mediapipe_jetson import __version__
from mediapipe_jetson.exposition import Family, Sample, family, histogram, text
from mediapipe_jetson.live.state import State
from mediapipe_jetson.observation import read_text
from mediapipe_jetson.observe import packages
from mediapipe_jetson.pipeline.pipeline import Pipeline
from mediapipe_jetson.pipeline.report import Report
from mediapipe_jetson.pipeline.times import Clock
from mediapipe_jetson.verify import gauges


class Metrics:
    """`text` is one scrape; `families` is it without the process' own numbers."""

    def __init__(self, state: State) -> None:
        self.state = state
        versions = {"version": __version__, "mediapipe": packages.version("mediapipe") or ""}
        self._build = Family("mediapipe_build_info", "gauge", "Versions.", (Sample(1, versions),))

    def text(self) -> str:
        """Return all metrics in Prometheus' text format."""
        return text([*self.families(), *process()])

    def families(self) -> list[Family]:
        """Return the metrics of pipeline, verdict and board."""
        state = self.state
        result = [self._build]
        if state.pipeline is not None:
            result += self._pipeline(state.pipeline)
        verdict = state.verdicts.read()
        if verdict.report is not None:
            result += gauges.families(verdict.report)
        return [*result, *state.board.families()]

    def _pipeline(self, pipeline: Pipeline) -> list[Family]:
        state, report = self.state, pipeline.report()
        used = state.backend
        labels = {
            "task": used.task,
            "backend": used.backend,
            "threads": str(used.threads),
            "policy": report.policy,
        }
        latency = pipeline.latency
        families = [
            Family("mediapipe_backend_info", "gauge", "What infers.", (Sample(1, labels),)),
            *counters(report, pipeline.clocks),
            family(
                "mediapipe_frames_with_results_total",
                "counter",
                "Frames in which something was found.",
                state.with_results,
            ),
            family(
                "mediapipe_running", "gauge", "Whether the pipeline runs.", int(not pipeline.ended)
            ),
            histogram(
                "mediapipe_latency_seconds",
                "From a frame's capture to the end of the last stage.",
                latency.bounds,
                list(latency.counts),
                latency.sum_s,
            ),
        ]
        if state.last_frame_s:
            about = "When the last frame was done, since 1970."
            name = "mediapipe_last_frame_timestamp_seconds"
            families.append(family(name, "gauge", about, state.last_frame_s))
        if state.picture is not None:
            about = "Readers of the picture."
            families.append(family("mediapipe_viewers", "gauge", about, state.picture.viewers))
        return families


def counters(report: Report, clocks: Sequence[Clock]) -> list[Family]:
    """Return what a pipeline has counted: frames, and each stage's seconds."""
    counts = (
        ("frames", "Frames that went through all stages.", report.done),
        ("frames_captured", "Frames that the source gave.", report.given),
        ("frames_dropped", "Frames that gave way to newer ones.", report.dropped),
        ("frames_refused", "Frames that could not be used.", report.refused),
        ("camera_reconnects", "How often the camera was lost and came back.", report.reconnects),
    )
    families = [family(f"mediapipe_{name}_total", "counter", about, value)
             for name, about, value in counts]  # fmt: skip
    rows = (
        ("seconds", "Time that a stage worked.", [clock.busy_s for clock in clocks]),
        ("cpu_seconds", "Processor time of a stage's thread.", [clock.cpu_s for clock in clocks]),
        ("frames", "Frames that a stage has done.", [clock.frames for clock in clocks]),
    )
    for name, about, values in rows:
        samples = tuple(
            Sample(value, {"stage": clock.name})
            for clock, value in zip(clocks, values)  # noqa: B905 # Python 3.9
        )
        families.append(Family(f"mediapipe_stage_{name}_total", "counter", about, samples))
    return families


def process() -> list[Family]:
    """Return this process' own numbers, by the names that Prometheus' clients give them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = (read_text(Path("/proc/self/statm")) or "").split()
    families = [
        family(
            "process_cpu_seconds_total",
            "counter",
            "Processor time, user and system.",
            used.ru_utime + used.ru_stime,
        )
    ]
    if len(pages) > 1:
        size = int(pages[1]) * os.sysconf("SC_PAGE_SIZE")
        about = "Memory that is resident."
        families.append(family("process_resident_memory_bytes", "gauge", about, size))
    return families
