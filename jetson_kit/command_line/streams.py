"""Standard streams that outlast their readers: a command ends with its own result, read or not."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any


class Lasting(io.FileIO):
    """A file to write whose reader may leave; what is written from then on is lost."""

    def write(self, data: Any) -> int:  # noqa: ANN401 # as in typeshed, which Python 3.11 lacks
        """Write, as FileIO does; to nothing once the reader has left, or an error was raised."""
        try:
            return super().write(data)
        except OSError as error:
            # Programs that we start have this descriptor, too.
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            if not isinstance(error, BrokenPipeError):
                raise
            return super().write(data)


def prepare() -> None:
    """Have the standard streams outlast their readers, and take any name of a file.

    Each line is written at once: in a file or pipe that takes both streams, as of a CI, they stay
    in order.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed before the program began
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 # as long as the program
        elif stream is getattr(sys, f"__{name}__"):
            stream.flush()
            raw = Lasting(stream.fileno(), "wb", closefd=False)
            text = io.TextIOWrapper(
                io.BufferedWriter(raw),
                encoding=stream.encoding,
                line_buffering=True,
                write_through=stream.write_through,
            )
            setattr(sys, name, text)
        # It may hold bytes that no text can.
        getattr(sys, name).reconfigure(errors="backslashreplace")
