"""`python -m bench.build.typed EPOCH SOURCE WORDS...`: ./inv WORDS, with other bytes in its layers.

A Docker Engine can't be given an empty store for a while. Layers with another time in every file
are layers that it has not seen. SOURCE is the device wheel's folder, in which a file may be edited.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import tasks
from bench.build import REPOSITORY
from jetson_kit import images, layers, plan
from jetson_kit.command_line import program


def main() -> None:
    """Run the command; it ends this process."""
    epoch, source, *words = sys.argv[1:]
    layers.EPOCH = int(epoch)
    plan.REPOSITORY = REPOSITORY
    images.build = functools.partial(images.build, device_source=Path(source))
    images.image_only = functools.partial(images.image_only, device_source=Path(source))
    sys.argv = ["inv", *words]
    program.main(tasks.ns)


main()
