"""Backends in their order: one that fails is reported, and the next one takes its frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from mediapipe_jetson.backends.base import BackendError, InferenceError
from mediapipe_jetson.vision.errors import BundleError, NoBackendError
from mediapipe_jetson.vision.images import Frame
from mediapipe_jetson.vision.runners import Pending, Runner

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A backend that could not be used, or failed while it ran, and why."""

    backend: str
    reason: str


class Failover:
    """Runs frames on the first backend that can; one at a time, its caller sees to that."""

    def __init__(self, task: str, names: Sequence[str], load: Callable[[str], Runner]) -> None:
        """Load the first backend that can be used, of `names`; raise NoBackendError."""
        self.task = task
        self.load = load
        self.failures: tuple[Failure, ...] = ()
        self.backend = ""
        self._left = list(names)
        self._runner: Optional[Runner] = None
        self._next()

    @property
    def loaded(self) -> bool:
        """Return whether there is a backend that can take a frame."""
        return self._runner is not None

    def process(
        self,
        image: Any,  # noqa: ANN401
        frame: Frame,
        processing: Any,  # noqa: ANN401
        timestamp_ms: int,
    ) -> Pending:
        """Return what makes the result of a frame; raise NoBackendError."""
        while True:
            if self._runner is None:
                raise self._none_left()
            try:
                return self._runner.process(image, frame, processing, timestamp_ms)
            except InferenceError as error:
                self._report(self.backend, error)
                self.close()
                self._next()

    def close(self) -> None:
        """Free what the backend holds."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _next(self) -> None:
        while self._left:
            name = self._left.pop(0)
            try:
                self._runner = self.load(name)
            except (BackendError, BundleError) as error:
                self._report(name, error)
                continue
            self.backend = name
            return
        raise self._none_left()

    def _none_left(self) -> NoBackendError:
        reasons = "; ".join(f"{failure.backend}: {failure.reason}" for failure in self.failures)
        return NoBackendError(f"no backend can run {self.task}: {reasons}")

    def _report(self, name: str, error: Exception) -> None:
        reason = " ".join(str(error).split())
        self.failures = (*self.failures, Failure(name, reason))
        LOG.warning("%s: backend %s is not used: %s", self.task, name, reason)
