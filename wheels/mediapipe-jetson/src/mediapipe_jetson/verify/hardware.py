"""The GPU's own counter of how busy it is: devfreq load, NVML or tegrastats, sampled at 20 Hz.

Files are read below a root, so that recorded trees can be read too. Sources of paths and formats:
the kernel's devfreq class, jetson_stats' and NVIDIA's documents for tegrastats and NVML.
"""

from __future__ import annotations

import ctypes
import os
import pty
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import below, read_text

HERTZ = 25.0
MOST_SAMPLES = 20000
# A tenth of a millisecond; the samples lie 40 ms apart.
TIME_DIGITS = 4
GPUS = re.compile(r"^(?:gv11b|gp10b|ga10b|gb10b|gm20b|gpu)$")
LEGACY = (
    "/sys/devices/gpu.0",
    "/sys/devices/platform/gpu.0",
    "/sys/devices/57000000.gpu",
    "/sys/devices/17000000.gp10b",
    "/sys/devices/17000000.gv11b",
    "/sys/devices/17000000.ga10b",
    "/sys/devices/platform/17000000.gpu",
    "/sys/devices/platform/bus@0/17000000.gpu",
)
# One expression for every release: the percentage and the frequencies may each be missing.
GR3D = re.compile(r"GR3D_FREQ\s+(?:(\d+)%)?(?:@\[?([\d,]+)\]?)?")
NVML = "libnvidia-ml.so.1"
Reader = Callable[[], Optional[float]]


def load_files(root: Path = Path("/")) -> list[Path]:
    """Return the load files of NVIDIA's GPUs that devfreq or the platform devices have."""
    found: list[Path] = []
    devfreq = below(root, "/sys/class/devfreq")
    devices = sorted(devfreq.iterdir()) if devfreq.is_dir() else []
    for entry in devices:
        name = read_text(entry / "device/of_node/name") or ""
        if GPUS.match(name):
            found.append(entry / "device/load")
    found += [below(root, place) / "load" for place in LEGACY]
    return list({path.resolve(): path for path in found if path.is_file()}.values())


def load_percent(path: Path) -> Optional[float]:
    """Return a load file's value, which is per mille, as percent; None if it can't be read."""
    text = read_text(path)
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value / 10 if 0 <= value <= 1000 else None


def tegrastats_percent(line: str) -> Optional[float]:
    """Return GR3D_FREQ's percentage of a line of tegrastats; None where it has none."""
    found = GR3D.search(line)
    return float(found.group(1)) if found and found.group(1) else None


def frequencies(root: Path = Path("/")) -> dict[str, str]:
    """Return the clocks of the GPUs in devfreq, in Hz, as the kernel gives them."""
    found: dict[str, str] = {}
    folder = below(root, "/sys/class/devfreq")
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if GPUS.match(read_text(entry / "device/of_node/name") or "") or "gpu" in entry.name:
            for name in ("cur_freq", "min_freq", "max_freq"):
                text = read_text(entry / name)
                if text:
                    found[f"{entry.name}/{name}"] = text
    return found


def power_mode(root: Path = Path("/")) -> Optional[str]:
    """Return what nvpmodel was last set to, as its status file has it."""
    return read_text(below(root, "/var/lib/nvpmodel/status"))


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


def nvml() -> Optional[Reader]:
    """Return a reader of the first GPU's use in percent; None where NVML gives none."""
    try:
        library = ctypes.CDLL(NVML)
    except OSError:
        return None
    device = ctypes.c_void_p()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)):
        return None

    def read() -> Optional[float]:
        use = _Utilization()
        code = library.nvmlDeviceGetUtilizationRates(device, ctypes.byref(use))
        return None if code else float(use.gpu)

    return read if read() is not None else None


class Tegrastats:
    """tegrastats as a process of ours; its last percentage."""

    def __init__(self, program: str) -> None:
        # 20 Hz is as fast as it was made for; its user may not be root, who alone sees clocks.
        # Into a pipe it may write many lines at once; to a terminal, each as it comes.
        reading, writing = pty.openpty()
        self.process = subprocess.Popen(
            [program, "--interval", "50"],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        self.stream = os.fdopen(reading, encoding="utf-8", errors="replace")
        self.last: Optional[float] = None
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            for line in self.stream:
                self.last = tegrastats_percent(line)
        except (OSError, ValueError):
            # A terminal whose program has ended gives an error in place of an end.
            self.last = None

    def read(self) -> Optional[float]:
        """Return the last line's percentage."""
        return self.last

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def sources(root: Path = Path("/")) -> tuple[dict[str, Reader], list[Tegrastats]]:
    """Return the readers that this board has, by name, and the processes behind them."""
    found: dict[str, Reader] = {}
    for path in load_files(root):
        found[f"devfreq:{path}"] = lambda path=path: load_percent(path)  # type: ignore[misc]
    if root != Path("/"):
        return found, []
    reader = nvml()
    if reader:
        found["nvml"] = reader
    processes = []
    program = shutil.which("tegrastats")
    # The files tell the same without a process of its own.
    if program and not found and os.access(program, os.X_OK):
        processes.append(Tegrastats(program))
        found["tegrastats"] = processes[0].read
    return found, processes


class Sampler:
    """Samples every source in a thread; the times are CLOCK_MONOTONIC."""

    def __init__(self, root: Path = Path("/"), hertz: float = HERTZ) -> None:
        self.root, self.interval_s = root, 1 / hertz
        self.readers, self.processes = sources(root)
        self.samples: dict[str, list[list[Optional[float]]]] = {}
        self.stopping = threading.Event()
        self.thread: Optional[threading.Thread] = None
        self.clocks: dict[str, str] = {}

    def start(self) -> None:
        """Begin to sample; without a source nothing is done."""
        self.samples = {name: [] for name in self.readers}
        self.stopping.clear()
        self.clocks = frequencies(self.root)
        if self.readers:
            self.thread = threading.Thread(target=self._sample, daemon=True)
            self.thread.start()

    def _sample(self) -> None:
        due = time.monotonic()
        while not self.stopping.is_set():
            for name, reader in self.readers.items():
                if len(self.samples[name]) < MOST_SAMPLES:
                    value = reader()
                    self.samples[name].append([round(time.monotonic(), TIME_DIGITS), value])
            due = max(due + self.interval_s, time.monotonic() - self.interval_s)
            self.stopping.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> dict[str, Any]:
        """End sampling and return it: [seconds, percent or null] by source."""
        self.stopping.set()
        if self.thread:
            self.thread.join()
            self.thread = None
        return {
            "present": bool(self.readers),
            "hertz": 1 / self.interval_s,
            "samples": self.samples,
            "clocks_before": self.clocks,
            "clocks_after": frequencies(self.root),
            "power_mode": power_mode(self.root),
        }

    def close(self) -> None:
        """End what runs behind the sources."""
        for process in self.processes:
            process.close()
