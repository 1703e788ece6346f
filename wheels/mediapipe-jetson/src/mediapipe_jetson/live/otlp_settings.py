"""OpenTelemetry's variables: each holds, or is refused before anything runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Optional
from urllib.parse import urlsplit

from mediapipe_jetson.live.errors import OtlpError

INTERVAL, TIMEOUT = "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"
SERVICE, ATTRIBUTES = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"
DISABLED, EXPORTER = "OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER"
INTERVAL_MS = 60_000.0
LONGEST_MS = float(1 << 31)
# Python's own numbers are more: 1_000, 1e3, digits of other scripts.
NUMBERS = {
    "milliseconds": re.compile(r"[0-9]+"),
    "seconds": re.compile(r"[0-9]+(\.[0-9]+)?"),
}
HOST = re.compile(r"(\[[^\[\]\s]+\]|[^\[\]:\s]+)(:(?P<port>[0-9]{0,5}))?")
# Of an address: user and password, and what may be a token.
SECRETS = re.compile(r"(?:(?<=://)|^(?!.*://)).*(?=@)|(?<=[?#]).+", re.DOTALL)
# What is sent, of what a variable may ask for.
ONLY = {
    "PROTOCOL": ("http/protobuf",),
    "COMPRESSION": ("none", "gzip", "deflate"),
    "TEMPORALITY_PREFERENCE": ("cumulative",),
    "DEFAULT_HISTOGRAM_AGGREGATION": ("explicit_bucket_histogram",),
}


def off(environment: Mapping[str, str]) -> str:
    """Return the setting by which nothing is to be sent, "" where there is none.

    Raises OtlpError for one that is neither that nor anything else.
    """
    disabled = environment.get(DISABLED, "").strip().lower()
    if disabled not in ("", "true", "false"):
        raise OtlpError(f"{DISABLED}={environment[DISABLED]} is neither true nor false")
    if disabled == "true":
        return f"{DISABLED}={environment[DISABLED]}"
    exporters = [item.strip() for item in environment.get(EXPORTER, "").split(",")]
    if exporters == ["none"]:
        return f"{EXPORTER}=none"
    if any(exporters) and "otlp" not in exporters:
        raise OtlpError(f"{EXPORTER}={environment[EXPORTER]}: only otlp is sent, or none")
    return ""


def check(environment: Mapping[str, str]) -> None:
    """Raise OtlpError for a value that the exporter would take and then fail with, or pass over."""
    for name in _set(environment, "ENDPOINT"):
        if not _address(environment[name]):
            shown = SECRETS.sub("***", environment[name])
            raise OtlpError(f"{name}={shown} is no address, http://HOST:4318")
    for name in _set(environment, "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
        if not os.path.isfile(environment[name]):  # noqa: PTH113 # which raises nothing
            raise OtlpError(f"{name}={environment[name]} is no file")
    for end, known in ONLY.items():
        for name in _set(environment, end):
            if environment[name].strip().lower() not in known:
                raise OtlpError(f"{name}={environment[name]}: only {_either(known)} is sent")
    pairs = [*_set(environment, "HEADERS"), *([ATTRIBUTES] if environment.get(ATTRIBUTES) else [])]
    for name in pairs:
        # A header may be a secret: its value is not repeated.
        if not all(map(_pair, environment[name].split(","))):
            raise OtlpError(f"{name} is no list of NAME=VALUE with commas between them")
    interval_s(environment)
    timeout_s(environment)


def interval_s(environment: Mapping[str, str]) -> float:
    """Return the time from one export to the next. Raises OtlpError."""
    return (_milliseconds(environment, INTERVAL) or INTERVAL_MS) / 1e3


def timeout_s(environment: Mapping[str, str]) -> Optional[float]:
    """Return how long an export may take; None leaves it to the exporter. Raises OtlpError.

    The exporter knows its own variable alone, in seconds.
    """
    given = [_number(environment, name, "seconds") for name in _set(environment, "TIMEOUT")]
    whole = _milliseconds(environment, TIMEOUT)
    return min([*given, whole / 1e3]) if whole else None


def names_service(environment: Mapping[str, str]) -> bool:
    """Return whether a variable names the service."""
    parts = environment.get(ATTRIBUTES, "").split(",")
    return bool(environment.get(SERVICE)) or any(
        part.partition("=")[0].strip() == "service.name" for part in parts
    )


def _set(environment: Mapping[str, str], *suffixes: str) -> list[str]:
    """Return the variables that are set; those of metrics alone count before the others."""
    names = (
        (f"OTEL_EXPORTER_OTLP_METRICS_{suffix}", f"OTEL_EXPORTER_OTLP_{suffix}")
        for suffix in suffixes
    )
    chosen = (next((name for name in pair if environment.get(name)), "") for pair in names)
    return [name for name in chosen if name]


def _address(text: str) -> bool:
    """Tell whether something can be sent there."""
    try:
        place = urlsplit(text)
    except ValueError:
        return False
    match = HOST.fullmatch(place.netloc.rpartition("@")[2])
    if not match or place.scheme not in ("http", "https"):
        return False
    return not match["port"] or 0 < int(match["port"]) < 1 << 16


def _pair(text: str) -> bool:
    """Tell whether this is NAME=VALUE, or nothing, as after a last comma."""
    name, sign, _ = text.strip().partition("=")
    return not text.strip() or bool(name.strip() and sign)


def _milliseconds(environment: Mapping[str, str], name: str) -> float:
    return _number(environment, name, "milliseconds") if environment.get(name) else 0.0


def _number(environment: Mapping[str, str], name: str, unit: str) -> float:
    text = environment[name].strip()
    value = float(text) if NUMBERS[unit].fullmatch(text) else 0.0
    if not 0 < value <= LONGEST_MS:
        raise OtlpError(f"{name}={environment[name]} is no number of {unit}")
    return value


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)
