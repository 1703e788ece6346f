"""What goes wrong with engines: backends' errors all, so that the next backend can take over."""

from __future__ import annotations

from collections.abc import Sequence

from mediapipe_jetson.backends.base import BackendUnavailableError, ModelError


class ManifestError(ModelError):
    """A folder's engines.json can't be read, or says what it must not."""

    exit_code = 5


class NoEngineError(ModelError):
    """No engine fits what is here; `reasons` says for each candidate why not, one line each."""

    def __init__(self, requested: str, reasons: Sequence[str]) -> None:
        super().__init__(f"no engine for {requested}: {'; '.join(reasons)}")
        self.requested = requested
        self.reasons = tuple(reasons)


class DamagedEngineError(ModelError):
    """An engine's bytes are not those that its manifest lists."""


class RefusedEngineError(ModelError):
    """TensorRT itself refuses an engine; its own words are in the message."""


class BuildError(ModelError):
    """An engine could not be built, or came out wrong; nothing of it is used."""


class NoBuilderError(BackendUnavailableError):
    """Nothing here can build engines."""

    exit_code = 3
