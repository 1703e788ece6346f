"""What the landmarkers raise: subclasses of what MediaPipe's tasks raise."""

from __future__ import annotations

from mediapipe_jetson.backends.base import BackendError


class ImageError(ValueError):
    """The image is of a type, size or layout that can't be used; the landmarker lives on."""


class TimestampError(ValueError):
    """The timestamp is not after the one before it; the landmarker lives on."""


class ModeError(ValueError):
    """The method is not of the landmarker's running mode."""


class OptionError(ValueError):
    """An option is out of its range, or there is none of this name."""


class ClosedError(RuntimeError):
    """The landmarker was closed."""


class BundleError(RuntimeError):
    """The model bundle is damaged, or not one of this task."""


class BundleMissingError(FileNotFoundError):
    """There is no file at the model path, or the bundle lacks a model of this task."""


class MediaPipeMissingError(ImportError):
    """The landmarkers return MediaPipe's own types: mediapipe has to be installed."""


class NoBackendError(BackendError):
    """None of the backends that were asked for could be used; the message has every reason."""
