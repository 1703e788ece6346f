"""This Python in the place of the one that images have, for what compiles their files."""

from __future__ import annotations

import sys

from jetson_kit.debian.native_python import Command, NativePython

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class ThisPython(NativePython):
    """Is started as Debian's is; nothing is fetched."""

    def command(self) -> Command:
        """Return how this Python is started."""
        return Command((sys.executable, "-S", "-s", "-B"), self._folder, locked=True)
