"""OpenTelemetry's variables: what could never be sent is refused before anything runs."""

from __future__ import annotations

import pytest
from mediapipe_jetson.live import otlp
from mediapipe_jetson.live.errors import OtlpError


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ENDPOINT", "ftp://x", "is no address"),
        ("ENDPOINT", "junk", "is no address"),
        ("ENDPOINT", "http://[::1", "is no address"),
        ("METRICS_ENDPOINT", "http://", "is no address"),
        ("CERTIFICATE", "/nowhere/ca.pem", "is no file"),
        ("METRICS_CLIENT_KEY", "/nowhere/key.pem", "is no file"),
        ("PROTOCOL", "grpc", "only http/protobuf is sent"),
    ],
)
def test_what_could_not_be_sent(name: str, value: str, words: str) -> None:
    with pytest.raises(OtlpError, match=words) as caught:
        otlp.check({f"OTEL_EXPORTER_OTLP_{name}": value})
    assert f"OTEL_EXPORTER_OTLP_{name}={value}" in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        },
    ],
)
def test_what_can_be_sent(environment: dict[str, str]) -> None:
    otlp.check(environment)
