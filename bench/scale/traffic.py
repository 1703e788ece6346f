"""Bytes on the wire and processor time, by the kernel's own counters."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Bytes:
    """What went to a device and what came back, headers of all layers included."""

    to: int
    back: int


def interfaces(text: str) -> dict[str, tuple[int, int]]:
    """Return the bytes that each interface received and sent, of proc(5)'s net/dev."""
    result = {}
    for line in text.splitlines():
        name, mark, rest = line.partition(":")
        if mark:
            fields = rest.split()
            result[name.strip()] = (int(fields[0]), int(fields[8]))
    return result


def between(before: Mapping[str, Bytes], after: Mapping[str, Bytes]) -> dict[str, Bytes]:
    """Return what each device got and sent meanwhile."""
    return {
        name: Bytes(now.to - before[name].to, now.back - before[name].back)
        for name, now in after.items()
    }


@dataclass(frozen=True)
class Meter:
    """A control group that counts what a program and all that it starts cost."""

    folder: Path

    def under(self, command: Sequence[str | Path]) -> list[str | Path]:
        """Return a command line that runs a program in the group."""
        enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
        return ["sh", "-c", enter, str(self.folder), *command]

    def seconds(self) -> float:
        """Return the processor time so far."""
        old = self.folder / "cpuacct.usage"
        if old.exists():
            return int(old.read_text(encoding="ascii")) / 1e9
        text = (self.folder / "cpu.stat").read_text(encoding="ascii")
        return int(text.split()[1]) / 1e6


@contextlib.contextmanager
def meter(name: str) -> Iterator[Meter]:
    """Have a control group (version 1 or 2) until the end."""
    home = GROUPS / "cpuacct" if (GROUPS / "cpuacct").is_dir() else GROUPS
    folder = home / f"mediapipe-bench-{os.getpid()}-{name}"
    folder.mkdir()
    try:
        yield Meter(folder)
    finally:
        # Connections that ssh keeps open for later.
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 15)
        for _ in range(50):
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.1)
