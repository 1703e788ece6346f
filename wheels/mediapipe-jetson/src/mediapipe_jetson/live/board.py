"""The board's own numbers, out of the kernel's files: GPU load and clock, heat, power, memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mediapipe_jetson.bench import board
from mediapipe_jetson.exposition import Family, Sample
from mediapipe_jetson.observation import below, read_text
from mediapipe_jetson.verify import hardware

MEMORY = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", re.MULTILINE)

# The rails that feed the whole module, on those that measure them (NVIDIA's developer guides).
INPUT_RAILS = ("VDD_IN", "POM_5V_IN")


class Board:
    """Reads below `root`; where a board has no such file there is no such number."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._loads = hardware.load_files(root)
        # A PC with NVIDIA's card has no such file, but its library.
        self._nvml = {} if self._loads or root != Path("/") else hardware.nvml()

    def gpu_load(self) -> dict[str, float]:
        """Return the share of time that each GPU was busy, 0 to 1."""
        result = {path.resolve().parent.name: hardware.load_percent(path) for path in self._loads}
        result.update({name: read() for name, read in self._nvml.items()})
        return {name: value / 100 for name, value in result.items() if value is not None}

    def memory(self) -> dict[str, int]:
        """Return bytes by the kernel's names; on a Jetson the GPU's memory is the same."""
        text = read_text(below(self.root, "/proc/meminfo")) or ""
        return {name: int(kib) * 1024 for name, kib in MEMORY.findall(text)}

    def document(self) -> dict[str, Any]:
        """Return what the page shows, in the units that the names say."""
        zones, rails = board.temperatures(self.root), board.power(self.root)
        loads, memory = self.gpu_load(), self.memory()
        return {
            "gpu_load": max(loads.values(), default=None),
            "hottest_c": max(zones.values(), default=None),
            "power_w": next((rails[name] / 1000 for name in INPUT_RAILS if name in rails), None),
            "memory_available_bytes": memory.get("MemAvailable"),
            "memory_total_bytes": memory.get("MemTotal"),
        }

    def families(self) -> list[Family]:
        """Return the metrics."""
        clocks = {
            name.rpartition("/")[0]: float(text)
            for name, text in hardware.frequencies(self.root).items()
            if name.endswith("/cur_freq") and text.isdecimal()
        }
        rails = {name: value / 1000 for name, value in board.power(self.root).items()}
        memory = self.memory()
        rows = (
            ("gpu_load_ratio", "Share of time the GPU was busy.", "gpu", self.gpu_load()),
            ("gpu_frequency_hertz", "The GPU's clock.", "gpu", clocks),
            ("temperature_celsius", "Thermal zones.", "zone", board.temperatures(self.root)),
            ("power_watts", "Power of each rail that is measured.", "rail", rails),
        )
        result = [
            Family(
                f"mediapipe_board_{name}",
                "gauge",
                about,
                tuple(Sample(value, {label: key}) for key, value in values.items()),
            )
            for name, about, label, values in rows
        ]
        for key, name in (("MemTotal", "total"), ("MemAvailable", "available")):
            samples = (Sample(memory[key]),) if key in memory else ()
            about = f"{key} of /proc/meminfo."
            result.append(Family(f"mediapipe_board_memory_{name}_bytes", "gauge", about, samples))
        return result
