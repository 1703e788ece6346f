#!/usr/bin/python3 -ESs
"""Stand-in for nvpmodel: tells and keeps a power mode of /etc/nvpmodel.conf; no clock changes."""

import os
import re
import sys
from pathlib import Path

NOTE = "nvpmodel: a stand-in of MediaPipe Jetson Kit, no clock is changed"
CONF = Path("/etc/nvpmodel.conf")
STATUS = Path("/var/lib/nvpmodel/status")


def modes() -> tuple[dict[int, str], int]:
    """Return the names of the modes by their ids, and the default's id."""
    text = CONF.read_text()
    rows = re.findall(r"^< POWER_MODEL ID=(\d+) NAME=(\S+) >", text, re.MULTILINE)
    default = re.search(r"^< PM_CONFIG DEFAULT=(\d+) >", text, re.MULTILINE)
    return {int(number): name for number, name in rows}, int(default[1]) if default else 0


def current(default: int) -> int:
    """Return the id that was set last."""
    try:
        match = re.search(r"pmode:(\d+)", STATUS.read_text())
    except OSError:
        return default
    return int(match[1]) if match else default


def chosen(word: str, known: dict[int, str]) -> int:
    """Return the id that a word names: itself, or the mode's name. Raises KeyError."""
    if word.isdigit() and int(word) in known:
        return int(word)
    return {name.upper(): number for number, name in known.items()}[word.upper()]


def keep(number: int) -> None:
    """Write the status file as the real one does, whole."""
    STATUS.parent.mkdir(parents=True, exist_ok=True)
    aside = STATUS.with_name(f".status.{os.getpid()}")
    aside.write_text(f"pmode:{number:04d}\n")
    aside.replace(STATUS)


def main(arguments: list[str]) -> int:
    """Answer -q, -m ID and -p, each also with --verbose."""
    known, default = modes()
    print(NOTE)
    if "--verbose" in arguments:
        print(f"NVPM VERB: Config file: {CONF}\nNVPM VERB: parsing done for {CONF}")
    if "-p" in arguments:
        print(f"NVPM VERB: PM_CONFIG: DEFAULT={known[default]}({default})")
        for number, name in known.items():
            print(f"NVPM VERB: POWER_MODEL: ID={number} NAME={name}")
        return 0
    if "-m" in arguments:
        argument = (arguments[arguments.index("-m") + 1 :] or [""])[0]
        try:
            number = chosen(argument, known)
        except KeyError:
            print(f"NVPM ERROR: invalid PM ID {argument}", file=sys.stderr)
            return 255
        if os.geteuid():
            print("NVPM ERROR: failed to write PARAM: Permission denied", file=sys.stderr)
            return 255
        keep(number)
        return 0
    if "-q" in arguments or "--query" in arguments:
        number = current(default)
        print(f"NV Power Mode: {known.get(number, '?')}\n{number}")
        return 0
    print("usage: nvpmodel [-q] [-m ID] [-p] [--verbose]", file=sys.stderr)
    return 255


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
