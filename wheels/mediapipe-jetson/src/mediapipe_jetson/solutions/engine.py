"""A legacy graph on the first backend that can run it; one that fails gives way to the next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from mediapipe_jetson import backends
from mediapipe_jetson.backends.base import BackendError, BackendUnavailableError, InferenceError
from mediapipe_jetson.solutions import gpu, settings
from mediapipe_jetson.solutions.errors import SolutionsError
from mediapipe_jetson.solutions.graphs import unused

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Session, SubModel
    from mediapipe_jetson.vision.images import Frame

LOG = logging.getLogger("mediapipe_jetson.solutions")
CLOCK_MS = 33.333
NO_OUTPUTS: Mapping[str, Sequence[int]] = MappingProxyType({})
NO_THREADS: Mapping[str, int] = MappingProxyType({})


class SolutionGraph(Protocol):
    """What finds something in a frame, on sessions by the names of their models."""

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on."""
        ...

    def process(self, frame: Frame, timestamp_ms: float) -> Any:  # noqa: ANN401
        """Return what is in the frame."""
        ...


def _reason(name: str, error: Exception) -> str:
    """Return an error on one line behind its backend's name, which some name themselves."""
    text = " ".join(str(error).split())
    return text if text.startswith(f"{name}: ") else f"{name}: {text}"


class Engine:
    """Runs a graph; one frame at a time, whatever thread it comes from."""

    def __init__(
        self,
        name: str,
        models: Mapping[str, SubModel],
        make: Callable[[], SolutionGraph],
        unread: Mapping[str, Sequence[int]] = NO_OUTPUTS,
        threads: Mapping[str, int] = NO_THREADS,
    ) -> None:
        """Open the first backend that can run the models. Raises SolutionsError.

        `make` returns a fresh graph, `name` is what messages call it, `unread` are the positions of
        a model's outputs that the graph doesn't read, `threads` the CPU threads of some models
        where the settings name none.
        """
        self.unread = unread
        self.threads = threads
        self.name = name
        self.models = models
        self.make = make
        self.lock = threading.Lock()
        self.settings = settings.current()
        self.left = list(self.settings.backends)
        self.failures: list[str] = []
        self.opened = ExitStack()
        self.backend = ""
        self.logged = False
        self.reset()
        self._next()

    def reset(self) -> None:
        """Forget what is tracked and start the clock again."""
        self.graph = self.make()
        self.now_ms = 0.0
        if self.backend:
            self.graph.use(self.sessions)

    def _next(self) -> None:
        while self.left:
            name = self.left.pop(0)
            try:
                self._open(name)
            except (BackendError, IndexError, ValueError) as error:
                self.failures.append(_reason(name, error))
                continue
            self.backend = name
            return
        reasons = "; ".join(self.failures)
        raise SolutionsError(f"no backend can run {self.name}: {reasons}")

    def _open(self, name: str) -> None:
        measured = self.settings.measured and name == gpu.LITERT
        if name == gpu.MEDIAPIPE:
            raise BackendUnavailableError(gpu.mediapipe_refusal(self.models.values()))
        if measured:
            gpu.check_hardware()
        backend = backends.create(name)
        why = backend.available()
        if why:
            raise BackendUnavailableError(why)
        with ExitStack() as opened:
            sessions: dict[str, Session] = {}
            for key, model in self.models.items():
                unread = self.unread.get(key, ())
                threads = self.settings.threads or self.threads.get(key, 0)
                sessions[key] = unused.load(backend, model, unread, threads)
                opened.callback(sessions[key].close)
            if measured:
                gpu.check_faster(self.models.values())
            self.graph.use(sessions)
            self.sessions = sessions
            self.opened = opened.pop_all()

    def process(self, frame: Frame) -> Any:  # noqa: ANN401 # what the graph returns
        """Return what the graph finds; the clock goes on by a frame at 30 a second.

        Raises SolutionsError when no backend is left, and ImageError.
        """
        with self.lock:
            self.now_ms += CLOCK_MS
            while True:
                try:
                    result = self.graph.process(frame, self.now_ms)
                except InferenceError as error:
                    reason = _reason(self.backend, error)
                    self.failures.append(reason)
                    self.opened.close()
                    self._next()
                    LOG.warning("%s: %s; now on %s", self.name, reason, self.backend)
                    continue
                if not self.logged:
                    self.logged = True
                    LOG.info("%s runs on %s", self.name, self.backend)
                    LOG.debug("%s passed over: %s", self.name, "; ".join(self.failures) or "none")
                return result

    def close(self) -> None:
        """Free the models."""
        with self.lock:
            self.opened.close()
