"""The inference of `selftest` in a fork of this process, which need not start Python again.

Only for a process without other threads, and begun before much is imported.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from types import TracebackType
from typing import IO, Optional

CHUNK = 1 << 16
# prctl(2)
PR_SET_PDEATHSIG = 1


class Forked:
    """An inference that has begun; what it prints goes to the file `output`."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 # closed with this
        self._reader, writer = os.pipe()
        parent = os.getpid()
        self._process = os.fork()
        if not self._process:
            os.close(self._reader)
            _infer(frames, writer, self.output, parent)
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
        self.output.close()

    def result(self, timeout_s: float) -> tuple[bytes, Optional[int]]:
        """Return what it reported and its exit code, None where it took longer than that."""
        reported = b""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._reader], [], [], left)[0]:
                break
            block = os.read(self._reader, CHUNK)
            reported += block
            if not block:
                process, self._process = self._process, 0
                return reported, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self._end()
        return reported, None

    def _end(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = 0


def _infer(frames: int, writer: int, log: IO[bytes], parent: int) -> None:
    """Infer as `python3 -m mediapipe_jetson.inference` does, and end this process."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        _tie(parent)
        from mediapipe_jetson import inference, landmarks, models  # noqa: PLC0415 # slow to import

        model = models.models_folder() / models.FACE_MODEL
        code = inference.main([str(model), str(landmarks.PICTURE), str(frames), str(writer)])
    except SystemExit as ended:
        code = _exit_code(ended.code)
    except BaseException:
        traceback.print_exc()
    finally:
        # What this process shares with its parent is neither flushed nor cleaned up.
        os._exit(code)


def _tie(parent: int) -> None:
    """End this process as its parent ends, however that comes about, where the kernel does that."""
    if sys.platform != "linux":
        return
    # MediaPipe imports it anyway.
    import ctypes  # noqa: PLC0415 # slow to import

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have ended before that was asked for.
    if os.getppid() != parent:
        os._exit(1)


def _exit_code(code: object) -> int:
    """Return what Python makes of SystemExit's code; a text goes to standard error."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if abs(code) <= sys.maxsize else 0xFF
    os.write(2, f"{code}\n".encode(errors="backslashreplace"))
    return 1
