"""The inference of `selftest` in a fork of this process, which need not start Python again.

Only for a process without other threads, and begun before much is imported.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import tempfile
import time
import traceback
from types import TracebackType
from typing import IO, Optional

CHUNK = 1 << 16


class Forked:
    """An inference that has begun; what it prints goes to the file `words`."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 # closed with this
        self._reader, writer = os.pipe()
        self._process = os.fork()
        if not self._process:
            os.close(self._reader)
            _infer(frames, writer, self.words)
        os.close(writer)

    def __enter__(self) -> Forked:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """End what has not ended."""
        self._end()
        os.close(self._reader)
        self.words.close()

    def result(self, timeout_s: float) -> tuple[bytes, Optional[int]]:
        """Return what it told and its exit code, None where it took longer than that."""
        told = b""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._reader], [], [], left)[0]:
                break
            block = os.read(self._reader, CHUNK)
            told += block
            if not block:
                process, self._process = self._process, 0
                return told, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self._end()
        return told, None

    def _end(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = 0


def _infer(frames: int, writer: int, words: IO[bytes]) -> None:
    """Infer as `python3 -m mediapipe_jetson.inference` does, and end this process."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2):
            os.dup2(words.fileno(), stream)
        from mediapipe_jetson import inference, landmarks, models  # noqa: PLC0415 # slow to import

        model = models.models_folder() / models.FACE_MODEL
        code = inference.main([str(model), str(landmarks.PICTURE), str(frames), str(writer)])
    except Exception:
        traceback.print_exc()
    finally:
        # What this process shares with its parent is neither flushed nor cleaned up.
        os._exit(code)
