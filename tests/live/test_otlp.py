"""Metrics sent to a receiver that reads them with OpenTelemetry's own messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from mediapipe_jetson.exposition import histogram
from mediapipe_jetson.live import Live, otlp
from mediapipe_jetson.live.errors import OtlpError
from mediapipe_jetson.pipeline import Pipeline
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.live import application

pytestmark = pytest.mark.live


class Receiver(ThreadingHTTPServer):
    """Keeps what it was sent; answers with `code`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.code = 200
        self.paths: list[str] = []
        self.requests: list[ExportMetricsServiceRequest] = []


class Handler(BaseHTTPRequestHandler):
    """One export."""

    server: Receiver

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.requests.append(ExportMetricsServiceRequest.FromString(raw))
        self.send_response(self.server.code)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        yield server
        server.shutdown()
        thread.join()


def metrics(request: ExportMetricsServiceRequest) -> dict[str, Any]:
    """Return the metrics of an export by their names."""
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def run(frames: int) -> None:
    """Run a pipeline of so many frames, and send its metrics at the end."""

    def few() -> Iterator[Any]:
        for picture, _ in zip(application.pictures(), range(frames), strict=False):
            yield picture

    with Live(otlp=True) as live:
        pipeline = Pipeline(few(), application.nothing)
        live.attach(pipeline)
        pipeline.run()


def test_a_receiver_has_the_names_units_and_values_of_prometheus(receiver: Receiver) -> None:
    run(12)
    assert set(receiver.paths) == {"/v1/metrics"}
    last = receiver.requests[-1]
    by_name = metrics(last)
    frames = by_name["mediapipe_frames_total"]
    assert (frames.sum.is_monotonic, frames.unit) == (True, "1")
    assert [point.as_int or point.as_double for point in frames.sum.data_points] == [12]
    latency = by_name["mediapipe_latency_seconds"]
    (point,) = latency.histogram.data_points
    assert (latency.unit, point.count, sum(point.bucket_counts)) == ("s", 12, 12)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert by_name["process_resident_memory_bytes"].unit == "By"
    stages = {
        {item.key: item.value.string_value for item in point.attributes}["stage"]
        for point in by_name["mediapipe_stage_seconds_total"].sum.data_points
    }
    assert stages == {"capture", "detect"}
    names = {
        item.key: item.value.string_value for item in last.resource_metrics[0].resource.attributes
    }
    assert names["service.name"] == "mediapipe-jetson"


def test_it_sends_again_and_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    run(25)
    counts = [
        metrics(item)["mediapipe_frames_total"].sum.data_points[0] for item in receiver.requests
        if "mediapipe_frames_total" in metrics(item)
    ]  # fmt: skip
    values = [point.as_int or point.as_double for point in counts]
    assert len(values) > 3
    assert values == sorted(values)
    assert values[-1] == 25


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_SERVICE_NAME", "door"), ("OTEL_RESOURCE_ATTRIBUTES", "site=a,service.name=door")],
)
def test_the_names_of_the_service_are_those_of_the_variables(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    run(2)
    resource = receiver.requests[-1].resource_metrics[0].resource
    assert "door" in {item.value.string_value for item in resource.attributes}


def test_a_variable_that_turns_it_off_does(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    run(2)
    assert receiver.requests == []


def test_a_receiver_that_refuses_is_one_line(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.code = 400
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    run(20)
    assert len(receiver.requests) > 3
    assert [record.getMessage() for record in caplog.records] == [
        "metrics are not sent by OTLP: the receiver did not take them; it is tried again"
    ]


@pytest.mark.parametrize(
    ("close_s", "why"),
    [(0.5, "nothing answered within 0.5 seconds"), (60.0, "the receiver did not take them")],
)
def test_nobody_there_ends_no_application_and_is_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, close_s: float, why: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    monkeypatch.setattr(otlp, "CLOSE_S", close_s)
    run(2)
    time.sleep(0.5)
    assert [record.getMessage() for record in caplog.records] == [
        f"metrics are not sent by OTLP: {why}; the last ones are lost"
    ]


def test_a_receiver_that_refuses_the_only_export_is_one_line(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.code = 403
    run(2)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("the receiver did not take them; the last ones are lost")


@pytest.mark.parametrize("text", ["soon", "0", "-5", "nan"])
def test_an_interval_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", text)
    with pytest.raises(OtlpError, match="no number of milliseconds"):
        Live(otlp=True)


def test_buckets_have_their_own_counts() -> None:
    family = histogram("x_seconds", "", (0.1, 1.0), (3, 2, 4), 12.5)
    assert otlp.distribution(family.samples) == {
        "count": 9, "sum": 12.5, "bucket_counts": [3, 2, 4], "explicit_bounds": [0.1, 1.0],
    }  # fmt: skip
