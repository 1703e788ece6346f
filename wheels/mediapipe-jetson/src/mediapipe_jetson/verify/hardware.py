"""The GPU's own counter of how busy it is: devfreq load, NVML or tegrastats, sampled at 20 Hz.

Files are read below a root, so that recorded trees can be read too. Sources of paths and formats:
the kernel's devfreq class, jetson_stats' and NVIDIA's documents for tegrastats and NVML.
"""

from __future__ import annotations

import ctypes
import os
import pty
import re
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import below, read_text
from mediapipe_jetson.verify.rules import book

HERTZ = 25.0
MOST_SAMPLES = 20000
# A tenth of a millisecond; the samples lie 40 ms apart.
TIME_DIGITS = 4
# One expression for every release: the percentage and the frequencies may each be missing.
GR3D = re.compile(r"GR3D_FREQ\s+(?:(\d+)%)?(?:@\[?([\d,]+)\]?)?")
Reader = Callable[[], Optional[float]]
UID_MAP = "/proc/self/uid_map"
# The map of the first namespace: each number is its own.
EVERYBODY = ("0", "0", "4294967295")
KERNELS_OWN = "/proc/devices"
# The kernel's number for an owner that a user namespace has none for.
NOBODY = 65534
MOST_GPUS, NVML_NAME = 16, 96


def is_gpu(word: str) -> bool:
    """Tell whether a device's name is a GPU's: ga10b, 17000000.ga10b, gpu.0."""
    return word == "gpu.0" or word.rpartition(".")[2] in book()["counters"]["gpus"]


def names(device: Path) -> set[str]:
    """Return how device tree, driver core and folder name a device.

    A container hides /sys/firmware, where of_node points; uevent has the same name.
    """
    event = read_text(device / "uevent") or ""
    matches = re.findall(r"^OF_NAME=(\S+)$", event, re.MULTILINE)
    return {read_text(device / "of_node/name") or "", device.resolve().name, *matches}


def load_files(root: Path = Path("/")) -> list[Path]:
    """Return the load files of NVIDIA's GPUs that devfreq or the platform devices have."""
    devfreq = below(root, "/sys/class/devfreq")
    paths = [
        entry / "device/load"
        for entry in (sorted(devfreq.iterdir()) if devfreq.is_dir() else [])
        if any(is_gpu(name) for name in (entry.name, *names(entry / "device")))
    ]
    for folder in (below(root, place) for place in book()["counters"]["folders"]):
        devices = sorted(folder.iterdir()) if folder.is_dir() else []
        paths += [device / "load" for device in devices if is_gpu(device.name)]
    return list({path.resolve(): path for path in paths if path.is_file()}.values())


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
    match = GR3D.search(line)
    return float(match.group(1)) if match and match.group(1) else None


def frequencies(root: Path = Path("/")) -> dict[str, str]:
    """Return the clocks of the GPUs in devfreq, in Hz, as the kernel gives them."""
    result: dict[str, str] = {}
    folder = below(root, "/sys/class/devfreq")
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        if "gpu" in entry.name or any(is_gpu(name) for name in names(entry / "device")):
            for name in ("cur_freq", "min_freq", "max_freq"):
                text = read_text(entry / name)
                if text:
                    result[f"{entry.name}/{name}"] = text
    return result


def power_mode(root: Path = Path("/")) -> Optional[str]:
    """Return what nvpmodel was last set to, as its status file has it."""
    return read_text(below(root, "/var/lib/nvpmodel/status"))


def own_file(name: str, root: Path = Path("/")) -> Optional[str]:
    """Return a counter's program or library at its own place; None where none can be trusted.

    Neither PATH nor LD_LIBRARY_PATH is searched, and none is taken that others than root may write.
    """
    owner = roots_number(root)
    for place in book()["counters"][name]:
        path = below(root, place)
        try:
            status = path.stat()
        except OSError:
            continue
        others = stat.S_IWGRP | stat.S_IWOTH
        own = stat.S_ISREG(status.st_mode) and not status.st_mode & others
        if own and status.st_uid == owner:
            return str(path)
    return None


def roots_number(root: Path = Path("/")) -> int:
    """Return the number that the files of this machine's root have here.

    In a user namespace (a container without root, remapped users) 0 is whoever made it, and root's
    own files belong to nobody that has a number.
    """
    text = read_text(below(root, UID_MAP)) or " ".join(EVERYBODY)
    rows = [tuple(row.split()) for row in text.splitlines()]
    if rows == [EVERYBODY]:
        return 0
    return 0 if any(row[:2] == ("0", "0") for row in rows) and _kernels_are_0(root) else NOBODY


def _kernels_are_0(root: Path) -> bool:
    """Tell whether the kernel's own files are those of 0, as far as they can be seen.

    A map is told against the namespace around it, whose 0 may be anybody.
    """
    try:
        return below(root, KERNELS_OWN).stat().st_uid == 0
    except OSError:
        return True


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


def nvml(*, soc: bool = True) -> dict[str, Reader]:
    """Return readers of the GPUs' use in percent, by name; none for those of which NVML gives none.

    The first is `nvml`, another `nvml:1`. Without `soc`, that of the SoC itself is left out.
    """
    path = own_file("nvml")
    try:
        library = ctypes.CDLL(path) if path else None
    except OSError:
        library = None
    try:
        if library is None or library.nvmlInit_v2():
            return {}
        readers: dict[str, Reader] = {}
        for index in range(_count(library)):
            reader = _of_nvml(library, index, soc=soc)
            if reader:
                readers[f"nvml:{index}" if index else "nvml"] = reader
    except AttributeError:
        # A library without one of the functions counts nothing.
        return {}
    return readers


def _count(library: ctypes.CDLL) -> int:
    """Return how many GPUs are asked for their use; a library that can't count has one."""
    number = ctypes.c_uint()
    try:
        failed = library.nvmlDeviceGetCount_v2(ctypes.byref(number))
    except AttributeError:
        return 1
    return 0 if failed else min(number.value, MOST_GPUS)


def _of_nvml(library: ctypes.CDLL, index: int, *, soc: bool) -> Optional[Reader]:
    device = ctypes.c_void_p()
    if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)):
        return None
    # As Orin's is: "Orin (nvgpu)".
    if not soc and b"nvgpu" in _name(library, device):
        return None

    def read() -> Optional[float]:
        use = _Utilization()
        code = library.nvmlDeviceGetUtilizationRates(device, ctypes.byref(use))
        return None if code else float(use.gpu)

    return read if read() is not None else None


def _name(library: ctypes.CDLL, device: ctypes.c_void_p) -> bytes:
    """Return the name that NVML has for a GPU; empty where it has none."""
    name = ctypes.create_string_buffer(NVML_NAME)
    try:
        failed = library.nvmlDeviceGetName(device, name, NVML_NAME)
    except AttributeError:
        return b""
    return b"" if failed else name.value


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
    result: dict[str, Reader] = {}
    for path in load_files(root):
        result[f"devfreq:{path}"] = lambda path=path: load_percent(path)  # type: ignore[misc]
    if root != Path("/"):
        return result, []
    processes = []
    program = own_file("tegrastats")
    # The files tell the same without a process of its own.
    if program and not result and os.access(program, os.X_OK):
        processes.append(Tegrastats(program))
        result["tegrastats"] = processes[0].read
    # A board may have a GPU on a card; the SoC's own, which may say 0 for ever, is in the files.
    return {**result, **nvml(soc=not result)}, processes


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
