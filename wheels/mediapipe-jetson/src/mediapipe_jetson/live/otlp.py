"""The metrics sent by OpenTelemetry's protocol, OTLP over HTTP, with Prometheus' names and units.

Where to, how often and with what headers OpenTelemetry's own variables say, such as
OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_METRIC_EXPORT_INTERVAL and OTEL_SERVICE_NAME.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from mediapipe_jetson import __version__
from mediapipe_jetson.exposition import Family, Sample
from mediapipe_jetson.live import otlp_settings
from mediapipe_jetson.live.errors import OtlpMissingError
from mediapipe_jetson.observation import one_line

LOG = logging.getLogger(__name__)
EXPORTER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"
SERVICE = "mediapipe-jetson"
# At the end, for what was measured last.
CLOSE_S = 5.0
# What a name ends with, and its unit in UCUM, as OTLP has it.
UNITS = {
    "seconds": "s", "bytes": "By", "celsius": "Cel", "watts": "W", "hertz": "Hz", "ratio": "1",
}  # fmt: skip


class Sender:
    """Sends what `families` returns, again and again, until `close`.

    Raises OtlpMissingError without the extra `otel`, OtlpError for settings that nothing could be
    sent with.
    """

    def __init__(self, families: Callable[[], Sequence[Family]]) -> None:
        self._families = families
        otlp_settings.check(os.environ)
        timeout_s = otlp_settings.timeout_s(os.environ)
        try:
            self._sdk: Any = importlib.import_module("opentelemetry.sdk.metrics.export")
            resources: Any = importlib.import_module("opentelemetry.sdk.resources")
            scopes: Any = importlib.import_module("opentelemetry.sdk.util.instrumentation")
            exporter: Any = importlib.import_module(EXPORTER)
            self._exporter = exporter.OTLPMetricExporter(timeout=timeout_s)
        except ImportError as error:
            raise OtlpMissingError(
                "OpenTelemetry is not installed: write opentelemetry-exporter-otlp-proto-http into "
                "requirements.txt"
            ) from error
        # Its own words, and a traceback, at each failure; ours is one line until it goes again.
        logging.getLogger(EXPORTER).setLevel(logging.CRITICAL)
        named = otlp_settings.names_service(os.environ)
        name = {} if named else {"service.name": SERVICE}
        self._resource = resources.Resource.create(name)
        self._scope = scopes.InstrumentationScope("mediapipe_jetson", __version__)
        self._interval_s = otlp_settings.interval_s(os.environ)
        self._began_ns = time.time_ns()
        self._failed = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-otlp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send once more, for at most CLOSE_S seconds; a line says where that failed."""
        self._ending.set()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            # The exporter tries again for longer than an application's end may take.
            self._note(f"nothing answered within {CLOSE_S:g} seconds")
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._ending.wait(self._interval_s):
            self._send()
        self._send()

    def _send(self) -> None:
        why = ""
        try:
            done = self._exporter.export(self._data())
            if done.name != "SUCCESS":
                why = "the receiver did not take them"
        except Exception as error:  # whatever a library raises must not end the application
            why = one_line(error)
        self._note(why)

    def _note(self, why: str) -> None:
        """Say why sending fails, once until it goes again."""
        if why and not self._failed:
            then = "the last ones are lost" if self._ending.is_set() else "it is tried again"
            LOG.warning("metrics are not sent by OTLP: %s; %s", why, then)
        self._failed = bool(why)

    def _data(self) -> Any:  # noqa: ANN401 # the SDK's classes
        sdk, now = self._sdk, time.time_ns()
        metrics = [self._metric(item, now) for item in self._families() if item.samples]
        scope = sdk.ScopeMetrics(self._scope, metrics, "")
        return sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])

    def _metric(self, family: Family, now_ns: int) -> Any:  # noqa: ANN401
        sdk = self._sdk
        cumulative = sdk.AggregationTemporality.CUMULATIVE
        if family.kind == "histogram":
            point = sdk.HistogramDataPoint(
                {}, self._began_ns, now_ns, **distribution(family.samples), min=None, max=None
            )
            data = sdk.Histogram([point], cumulative)
        else:
            points = [
                sdk.NumberDataPoint(dict(item.labels), self._began_ns, now_ns, item.value)
                for item in family.samples
            ]
            counts = family.kind == "counter"
            data = sdk.Sum(points, cumulative, True) if counts else sdk.Gauge(points)
        return sdk.Metric(family.name, family.about, unit(family.name), data)


def unit(name: str) -> str:
    """Return the unit that a metric's name ends with; "1" for a number of things."""
    stem = name[: -len("_total")] if name.endswith("_total") else name
    return UNITS.get(stem.rpartition("_")[2], "1")


def distribution(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return a histogram as OTLP has it: each bucket's own count, and no bound of the last."""
    below = [item for item in samples if item.suffix == "_bucket"]
    counts = [int(item.value) for item in below]
    (total,) = (item.value for item in samples if item.suffix == "_sum")
    return {
        "count": counts[-1],
        "sum": total,
        "bucket_counts": [now - before for before, now in zip([0, *counts], counts)],  # noqa: B905
        "explicit_bounds": [float(item.labels["le"]) for item in below[:-1]],
    }
