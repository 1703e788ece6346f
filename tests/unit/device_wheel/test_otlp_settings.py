"""OpenTelemetry's variables: what could never be sent is refused before anything runs."""

from __future__ import annotations

import pytest
from mediapipe_jetson import exit_codes
from mediapipe_jetson.live import Live
from mediapipe_jetson.live import otlp_settings as otlp
from mediapipe_jetson.live.errors import OtlpError


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ENDPOINT", "ftp://x", "is no address"),
        ("ENDPOINT", "junk", "is no address"),
        ("ENDPOINT", "http://[::1", "is no address"),
        ("METRICS_ENDPOINT", "http://", "is no address"),
        ("ENDPOINT", "http://h:99999", "is no address"),
        ("ENDPOINT", "http://h:port", "is no address"),
        ("ENDPOINT", "http://h:-1", "is no address"),
        ("ENDPOINT", "http://h:0", "is no address"),
        ("METRICS_ENDPOINT", "https://h:43_18", "is no address"),
        ("ENDPOINT", "http://a b:4318", "is no address"),
        ("CERTIFICATE", "/nowhere/ca.pem", "is no file"),
        ("METRICS_CLIENT_KEY", "/nowhere/key.pem", "is no file"),
        ("PROTOCOL", "grpc", "only http/protobuf is sent"),
        ("COMPRESSION", "zstd", "only none or gzip or deflate is sent"),
        ("METRICS_TEMPORALITY_PREFERENCE", "delta", "only cumulative is sent"),
        (
            "METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            "only expl",
        ),
        ("TIMEOUT", "soon", "is no number of seconds"),
        ("METRICS_TIMEOUT", "0", "is no number of seconds"),
        ("TIMEOUT", "nan", "is no number of seconds"),
        ("TIMEOUT", "1_0", "is no number of seconds"),
        ("TIMEOUT", "1e1", "is no number of seconds"),
        ("TIMEOUT", "+1", "is no number of seconds"),
        ("TIMEOUT", "\u0661", "is no number of seconds"),
        ("TIMEOUT", ".", "is no number of seconds"),
    ],
)
def test_what_could_not_be_sent(name: str, value: str, expected: str) -> None:
    with pytest.raises(OtlpError, match=expected) as caught:
        otlp.check({f"OTEL_EXPORTER_OTLP_{name}": value})
    assert f"OTEL_EXPORTER_OTLP_{name}={value}" in str(caught.value)
    assert caught.value.exit_code == exit_codes.BAD_INPUT


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


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "-1", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "1e99", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "1_000", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1e3", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "2.5", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "\u0967000", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "is no number of milliseconds"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "9" * 5000, "is no number of milliseconds"),
        ("OTEL_RESOURCE_ATTRIBUTES", "house", "no list of NAME=VALUE"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "token", "no list of NAME=VALUE"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=b,=c", "no list of NAME=VALUE"),
    ],
)
def test_what_is_no_value(name: str, value: str, expected: str) -> None:
    with pytest.raises(OtlpError, match=expected) as caught:
        otlp.check({name: value})
    assert name in str(caught.value)
    assert "HEADERS" not in name or value not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://u:secret@/x", "http://***@/x"),
        ("ftp://secret@h:1/x", "ftp://***@h:1/x"),
        ("http://u:p@secret@h:99999", "http://***@h:99999"),
        ("http://u:sec/ret@h:4318", "http://***@h:4318"),
        ("u:secret@h:4318", "***@h:4318"),
        ("http://[::1?token=secret", "http://[::1?***"),
        ("junk#secret", "junk#***"),
        ("http://u:secret%40@[::1", "http://***@[::1"),
    ],
)
def test_a_secret_of_a_wrong_address_is_not_repeated(value: str, shown: str) -> None:
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    with pytest.raises(OtlpError) as caught:
        otlp.check({name: value})
    assert str(caught.value).startswith(f"{name}={shown} is no address")
    assert "ret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "http://h:65535",
        "https://h:1/v1",
        "http://u:p@h:4318",
        "http://[::1]:4318",
        "HTTP://h:",
        "http://[fe80::1%25eth0]",
    ],
)
def test_addresses_that_hold(value: str) -> None:
    otlp.check({"OTEL_EXPORTER_OTLP_ENDPOINT": value})


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, ""),
        ({"OTEL_SDK_DISABLED": ""}, ""),
        ({"OTEL_SDK_DISABLED": "false"}, ""),
        ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true"),
        ({"OTEL_SDK_DISABLED": "True"}, "OTEL_SDK_DISABLED=True"),
        ({"OTEL_METRICS_EXPORTER": "none"}, "OTEL_METRICS_EXPORTER=none"),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ""),
        ({"OTEL_METRICS_EXPORTER": "console, otlp"}, ""),
    ],
)
def test_what_turns_it_off(environment: dict[str, str], why: str) -> None:
    assert otlp.off(environment) == why


@pytest.mark.parametrize(
    "environment", [{"OTEL_SDK_DISABLED": "1"}, {"OTEL_METRICS_EXPORTER": "prometheus"}]
)
def test_what_is_neither_on_nor_off_is_refused(environment: dict[str, str]) -> None:
    (name,) = environment
    with pytest.raises(OtlpError, match=name):
        otlp.off(environment)


def test_a_view_that_sends_nothing_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "junk")  # nobody looks at it
    with Live(otlp=True) as live:
        assert live._sender is None
    assert caplog.messages == ["no metrics are sent by OTLP: OTEL_SDK_DISABLED=true"]


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "3"}, None),
        ({"OTEL_METRIC_EXPORT_TIMEOUT": "2500"}, 2.5),
        ({"OTEL_METRIC_EXPORT_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}, 1.0),
        ({"OTEL_METRIC_EXPORT_TIMEOUT": "500", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "1"}, 0.5),
    ],
)
def test_the_shorter_timeout_holds(environment: dict[str, str], seconds: float) -> None:
    otlp.check(environment)
    assert otlp.timeout_s(environment) == seconds


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "door"}, True),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name=door"}, True),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.namespace=door"}, False),
    ],
)
def test_a_service_that_is_named_keeps_its_name(environment: dict[str, str], named: bool) -> None:
    assert otlp.names_service(environment) is named
