"""The board's state while something is measured: power mode, clocks, temperature, power.

Read from the kernel's files, which need no program and no root: thermal zones, the INA3221
monitors that Jetson modules measure their rails with (hwmon), devfreq and cpufreq.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import below, read_text
from mediapipe_jetson.verify import hardware

MONITOR = "ina3221"


def read(root: Path = Path("/")) -> dict[str, Any]:
    """Return what can be read, in the units that the names say; what can't is empty or None."""
    return {
        "power_mode": hardware.power_mode(root),
        "gpu_clocks_hz": hardware.frequencies(root),
        "cpu_clocks_khz": cpu_clocks(root),
        "temperatures_c": temperatures(root),
        "power_mw": power(root),
        "load": round(os.getloadavg()[0], 2),
    }


def _number(path: Path) -> Optional[float]:
    try:
        return float(read_text(path) or "")
    except ValueError:
        return None


def cpu_clocks(root: Path) -> list[int]:
    """Return the clock of each core in kHz."""
    places = below(root, "/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    numbers = [_number(path) for path in sorted(places)]
    return [int(value) for value in numbers if value is not None]


def temperatures(root: Path) -> dict[str, float]:
    """Return each thermal zone's temperature in degrees Celsius, by its name."""
    result = {}
    for zone in sorted(below(root, "/sys/class/thermal").glob("thermal_zone*")):
        value = _number(zone / "temp")
        # A zone whose part is switched off gives an error, or a value far below zero.
        if value is not None and value > 0:
            result[read_text(zone / "type") or zone.name] = value / 1000
    return result


def power(root: Path) -> dict[str, float]:
    """Return each rail's power in milliwatts, by its label: millivolts times milliamperes."""
    result = {}
    for monitor in sorted(below(root, "/sys/class/hwmon").glob("hwmon*")):
        if read_text(monitor / "name") != MONITOR:
            continue
        for label in sorted(monitor.glob("in*_label")):
            rail = label.name[len("in") : -len("_label")]
            volts, amperes = (
                _number(monitor / f"in{rail}_input"),
                _number(monitor / f"curr{rail}_input"),
            )
            if volts is not None and amperes is not None:
                result[read_text(label) or rail] = round(volts * amperes / 1000, 1)
    return result
