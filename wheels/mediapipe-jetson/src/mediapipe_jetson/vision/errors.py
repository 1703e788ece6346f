"""What the landmarkers raise: subclasses of what MediaPipe's tasks raise.

Where MediaPipe's versions differ, an error is a subclass of what each of them raises.
"""

from __future__ import annotations

import ctypes

from mediapipe_jetson.backends.base import BackendError


class ImageError(ValueError, RuntimeError):
    """The image is of a type, size or layout that can't be used; the landmarker lives on.

    MediaPipe's graphs raise one or the other, by the step that finds it out.
    """


class TimestampError(ValueError):
    """The timestamp is not after the one before it; the landmarker lives on."""


class ImageTypeError(ImageError, TypeError, AttributeError):
    """The image is no image at all; the landmarker lives on."""


class TimestampTypeError(TimestampError, TypeError, ctypes.ArgumentError):
    """The timestamp is no whole number; the landmarker lives on."""


class ModeError(ValueError):
    """The method is not of the landmarker's running mode."""


class OptionError(ValueError):
    """An option is out of its range, or there is none of this name."""


class OptionRangeError(OptionError, RuntimeError):
    """A count is less than one: MediaPipe's graph refuses it, or its Python before."""


class OptionTypeError(OptionError, TypeError, AttributeError):
    """An option is of another type."""


class OptionTooLargeError(OptionError, OverflowError):
    """An option is a number that no float can be."""


class ClosedError(RuntimeError):
    """The landmarker was closed."""


class BundleError(RuntimeError):
    """The model bundle is damaged, or not one of this task."""


class BundleMissingError(FileNotFoundError, RuntimeError):
    """There is no file at the model path, or the bundle lacks a model of this task.

    MediaPipe raises RuntimeError before 1.0, FileNotFoundError since.
    """


class MediaPipeMissingError(ImportError):
    """The landmarkers return MediaPipe's own types: mediapipe has to be installed."""


class NoBackendError(BackendError):
    """None of the backends that were asked for could be used; the message has every reason."""
