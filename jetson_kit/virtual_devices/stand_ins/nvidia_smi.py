#!/usr/bin/python3 -ESs
"""Stand-in for nvidia-smi: what it prints on a Jetson without a load."""

import json
import sys
import time
from pathlib import Path

NOTE = "nvidia-smi: a stand-in of MediaPipe Jetson Kit, no GPU is here"
HERE = Path(__file__).resolve().parent
BAR = "+-----------------------------------------------------------------------------------------+"


def row(*cells: tuple[str, int]) -> str:
    """Return a line of the table; a width below 0 puts the text to the right."""
    texts = [text.rjust(-width) if width < 0 else text.ljust(width) for text, width in cells]
    return "|" + "|".join(f" {text} " for text in texts) + "|"


def table(gpu: dict[str, str]) -> str:
    """Return the table that a call without words prints."""
    versions = (
        f"NVIDIA-SMI {gpu['driver']:<22} Driver Version: {gpu['driver']:<14} "
        f"CUDA Version: {gpu['cuda']}"
    )
    return "\n".join(
        [
            time.strftime("%a %b %e %H:%M:%S %Y"),
            BAR,
            row((versions, 87)),
            row((f"  0  {gpu['name']:<25}{gpu['persistence']:>7}", 40), (gpu["bus"], 21), ("", 20)),
            row(("", 40), ("Not Supported", -21), (f"{gpu['use']}  Default", -20)),
            BAR,
        ]
    )


def main(arguments: list[str]) -> int:
    """Answer no words, -L and --query-gpu=name,driver_version,utilization.gpu --format=csv."""
    gpu = json.loads((HERE / "face.json").read_text())["nvidia_smi"]
    print(NOTE)
    query = next((argument for argument in arguments if argument.startswith("--query-gpu=")), "")
    if query:
        use = gpu["use"].replace("%", " %") if "%" in gpu["use"] else "[N/A]"
        known = {"name": gpu["name"], "driver_version": gpu["driver"], "utilization.gpu": use}
        names = query.partition("=")[2].split(",")
        if "noheader" not in " ".join(arguments):
            print(", ".join(names))
        print(", ".join(known.get(name, "[N/A]") for name in names))
    elif "-L" in arguments:
        print(f"GPU 0: {gpu['name']} (UUID: GPU-00000000-0000-0000-0000-000000000000)")
    else:
        print(table(gpu))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
