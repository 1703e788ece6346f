#!/usr/bin/python3 -ESs
"""Stand-in for jetson_clocks: keeps until the next boot whether the clocks would be fixed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

NOTE = "jetson_clocks: a stand-in of MediaPipe Jetson Kit, no clock is changed"
HERE = Path(__file__).resolve().parent
FIXED = Path("/run/mediapipe-jetson/clocks")
LEAST_HZ = 306000000
CPU_LEAST_KHZ, CPU_MOST_KHZ = 729600, 1510400


def power_mode() -> tuple[str, int]:
    """Return the mode's name and the GPU's highest clock in it, in Hz."""
    output = subprocess.run(
        [str(HERE / "nvpmodel"), "-q"], capture_output=True, text=True, check=True
    ).stdout
    name = output.splitlines()[1].rpartition(" ")[2]
    conf = Path("/etc/nvpmodel.conf").read_text()
    limit = re.search(rf"NAME={re.escape(name)} >\nGPU MAX_FREQ (\d+)", conf)
    return name, int(limit[1]) if limit else 0


def show() -> None:
    """Print the clocks as they would be."""
    profile = json.loads((HERE / "face.json").read_text())
    name, most = power_mode()
    fixed = FIXED.exists()
    print(f"SOC family:{profile['soc']}  Machine:{profile['model']}")
    print(f"Online CPUs: 0-{profile['cores'] - 1}")
    low = CPU_MOST_KHZ if fixed else CPU_LEAST_KHZ
    for core in range(profile["cores"]):
        print(
            f"cpu{core}: Online=1 Governor=schedutil MinFreq={low} MaxFreq={CPU_MOST_KHZ} "
            f"CurrentFreq={low} IdleStates: WFI={int(not fixed)} c7={int(not fixed)}"
        )
    least = most if fixed else LEAST_HZ
    print(f"GPU MinFreq={least} MaxFreq={most} CurrentFreq={least}")
    print("EMC MinFreq=204000000 MaxFreq=2133000000 CurrentFreq=2133000000 FreqOverride=0")
    print(f"NV Power Mode: {name}")


def main(arguments: list[str]) -> int:
    """Answer --show, --store and --restore; without a word fix the clocks."""
    print(NOTE)
    if "--show" in arguments:
        show()
        return 0
    if os.geteuid():
        print("Error! Run this script as a root user", file=sys.stderr)
        return 1
    if "--restore" in arguments:
        FIXED.unlink(missing_ok=True)
    elif "--store" not in arguments:
        FIXED.parent.mkdir(parents=True, exist_ok=True)
        FIXED.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
