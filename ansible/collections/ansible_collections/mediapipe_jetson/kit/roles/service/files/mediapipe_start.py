"""Starts the service's container with what current.env names: mediapipe-start FILE WORD...

The words are those of `docker run`: {image} in them is the image's id, a word {options} is replaced
by the options of the device, and {{ is a brace. systemd does not read the file: its first process
would wait for ever for a FIFO that took its name.
"""

import os
import re
import shlex
import stat
import sys
from typing import List, Match

DOCKER = "/usr/bin/docker"
LARGEST = 1 << 16
# A FIFO does not hold us up, a link leads nowhere.
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
IMAGE = re.compile(r"^MEDIAPIPE_IMAGE=(sha256:[0-9a-f]{64})$", re.MULTILINE)
OPTIONS = re.compile(r'^MEDIAPIPE_DEVICE_OPTIONS="((?:[^"\\\n]|\\.)*)"$', re.MULTILINE)
PLACE = re.compile(r"\{(\{|image\})")
DEVICE = "{options}"


def text_of(path: str) -> str:
    """Return a regular file's text, which root alone may write. Raises ValueError, OSError."""
    handle = os.open(path, FLAGS)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("it is no regular file")
        if facts.st_uid not in (0, os.geteuid()) or stat.S_IMODE(facts.st_mode) & 0o022:
            raise ValueError("others than root may write to it")
        raw = os.read(handle, LARGEST + 1)
    finally:
        os.close(handle)
    if len(raw) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    raw.decode("utf-8")
    # As the words of this program are: bytes that the locale can't name stay what they are.
    return os.fsdecode(raw)


def filled(words: List[str], text: str) -> List[str]:
    """Return the words of `docker run` with what current.env says. Raises ValueError."""
    image, options = IMAGE.search(text), OPTIONS.search(text)
    if image is None or options is None:
        raise ValueError("it names no image")
    image_id = image.group(1)

    def place(match: Match[str]) -> str:
        return "{" if match.group(1) == "{" else image_id

    result: List[str] = []
    for word in words:
        if word == DEVICE:
            result += shlex.split(re.sub(r"\\(.)", r"\1", options.group(1)))
        else:
            result.append(PLACE.sub(place, word))
    return result


def main(given: List[str]) -> int:
    """Become `docker run`; return an exit code where that can't be."""
    path = given[0]
    try:
        words = filled(given[1:], text_of(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.stderr.write(f"error: {path} can't be used: {reason}\n")
        return 5
    try:
        os.execv(DOCKER, ["docker", "run", *words])  # noqa: S606 # no shell, as is meant
    except OSError as error:
        sys.stderr.write(f"error: {DOCKER} can't be started: {error.strerror}\n")
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
