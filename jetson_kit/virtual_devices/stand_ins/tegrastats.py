#!/usr/bin/python3 -ESs
"""Stand-in for tegrastats: this release's line, with this machine's memory and CPU load.

GR3D_FREQ is the percentage in /run/mediapipe-jetson/gpu-busy where that is, else the CPU's load.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

NOTE = "tegrastats: a stand-in of MediaPipe Jetson Kit, GR3D_FREQ is no GPU's"
HERE = Path(__file__).resolve().parent
STEERED = Path("/run/mediapipe-jetson/gpu-busy")
PID = Path("/run/mediapipe-jetson/tegrastats.pid")


def ticks() -> list[tuple[int, int]]:
    """Return the busy and all ticks since boot: of all CPUs together, then of each."""
    counts = []
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("cpu"):
            values = [int(word) for word in line.split()[1:]]
            counts.append((sum(values) - values[3] - values[4], sum(values)))
    return counts


def load(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> list[int]:
    """Return percentages; a time too short for the clock's ticks counts as idle."""
    return [
        min(100, max(0, round(100 * (late[0] - early[0]) / max(1, late[1] - early[1]))))
        for early, late in zip(before, after, strict=False)
    ]


def busy(cpu: int) -> int:
    """Return what GR3D_FREQ is to say."""
    try:
        return min(100, max(0, int(STEERED.read_text())))
    except (OSError, ValueError):
        return cpu


def memory(total_mb: int) -> tuple[str, str]:
    """Return used and total memory and swap, in MiB; the total is the module's."""
    sizes = {
        name: int(value) // 1024
        for name, value in re.findall(
            r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE
        )
    }
    used = sizes["MemTotal"] - sizes["MemAvailable"]
    swap = sizes["SwapTotal"]
    return f"{min(used, total_mb)}/{total_mb}", f"{swap - sizes['SwapFree']}/{swap}"


def line(profile: dict, loads: list[int], root: bool) -> str:  # type: ignore[type-arg]
    """Return one line as this release prints it."""
    ram, swap = memory(profile["ram_mb"])
    each = loads[1:] or loads
    cores = [f"{each[core % len(each)]}%@{profile['cpu_mhz']}" for core in range(profile["cores"])]
    percent = busy(loads[0])
    # Thor leaves the percentage out where it is none.
    gr3d = "" if profile["idle_is_blank"] and not percent else f"{percent}%"
    text = str(profile["tegrastats"]).format(
        time=time.strftime("%m-%d-%Y %H:%M:%S"),
        ram=ram,
        swap=swap,
        cpu=",".join(cores),
        gr3d=gr3d,
        mhz=profile["gpu_mhz"],
    )
    # Only root sees the clocks of memory and GPU.
    return text if root else re.sub(r"((?:EMC|GR3D)_FREQ \d+%)@\S+", r"\1", text)


def follow(out: TextIO, interval_s: float) -> None:
    """Print for ever."""
    profile = json.loads((HERE / "face.json").read_text())
    print(NOTE, file=out, flush=True)
    before = ticks()
    while True:
        time.sleep(interval_s)
        after = ticks()
        print(line(profile, load(before, after), os.geteuid() == 0), file=out, flush=True)
        before = after


def stop() -> None:
    """End the one that --start left behind; nothing happens without one."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(PID.read_text())
        # The number may have passed to another program.
        if b"tegrastats" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGTERM)
    PID.unlink(missing_ok=True)


def start(log: str, interval_s: float) -> None:
    """Go on in the background, writing to a file."""
    if os.fork():
        return
    os.setsid()
    PID.parent.mkdir(parents=True, exist_ok=True)
    PID.write_text(str(os.getpid()))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    with Path(log).open("a") as out:
        follow(out, interval_s)


def main() -> int:
    """Print to the terminal or a file, or start and stop one in the background."""
    parser = argparse.ArgumentParser(description=NOTE)
    parser.add_argument("--interval", type=int, default=1000, metavar="MS")
    parser.add_argument("--logfile", default="")
    for word in ("--start", "--stop", "--readall", "--verbose"):
        parser.add_argument(word, action="store_true")
    options = parser.parse_args()
    interval_s = max(1, options.interval) / 1000
    if options.stop:
        print(NOTE)
        stop()
    elif options.start:
        print(NOTE, flush=True)
        start(options.logfile or os.devnull, interval_s)
    else:
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            if options.logfile:
                with Path(options.logfile).open("a") as out:
                    follow(out, interval_s)
            follow(sys.stdout, interval_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
