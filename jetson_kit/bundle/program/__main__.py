"""What Python runs of verify.pyz: Python 2.7 can read this file, to say that it is too old."""

import sys

OLDEST = (3, 9)

if sys.version_info < OLDEST:
    sys.stderr.write(
        "error: Python {}.{} is too old; run this with Python 3.9 or later\n".format(
            *sys.version_info[:2]
        )
    )
    sys.exit(3)

from importlib.util import find_spec  # noqa: E402 # Python 2 has none

# Debian's python3-minimal comes without them; MediaPipe and NumPy need them as the program does.
MODULES = ("ctypes", "dataclasses", "hashlib", "json", "multiprocessing", "tempfile", "zipfile")
LACKING = [name for name in MODULES if find_spec(name) is None]

if LACKING:
    sys.stderr.write(
        "error: this Python lacks {}; install all of it (python3, not python3-minimal)\n".format(
            ", ".join(LACKING)
        )
    )
    sys.exit(3)

from jetson_kit.bundle.program import command  # noqa: E402 # a newer Python's syntax

sys.exit(command.main(sys.argv[1:]))
