"""Why nothing can be served; each is one line that says what to do."""

from __future__ import annotations

from mediapipe_jetson.pipeline.errors import PipelineError


class ServeError(PipelineError):
    """The live view can't be served as it was asked for."""

    exit_code = 2


class PortError(ServeError):
    """The port is in use, or not ours to take."""


class PasswordError(ServeError):
    """The password's file can't be read, or holds none that protects."""


class OtlpError(ServeError):
    """Metrics can't be sent by OpenTelemetry's protocol with these settings."""


class OtlpMissingError(OtlpError):
    """OpenTelemetry is not installed."""

    exit_code = 3


class WebRtcError(ServeError):
    """Pictures can't be sent by WebRTC here."""

    exit_code = 3


class OfferError(ServeError):
    """A browser's offer can't be answered."""
