"""`python -m bench.build.typed EPOCH SOURCE WORDS...`: ./inv WORDS, with other bytes in its layers.

Without words it puts the default Jetson image into the engine and does nothing more. A Docker
Engine can't be given an empty store for a while: layers with another time in every file are layers
that it has not seen. SOURCE is the device wheel's folder, in which a file may be edited.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import tasks
from bench.build import REPOSITORY
from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.command_line import program
from jetson_kit.containers import layers
from jetson_kit.core.progress import Progress


def main() -> None:
    """Run the command, which ends this process, or make the image."""
    epoch, source, *arguments = sys.argv[1:]
    layers.EPOCH = int(epoch)
    plan.REPOSITORY = REPOSITORY
    images.build = functools.partial(images.build, device_source=Path(source))
    if not arguments:
        images.image_only(plan.make(Request(jetson=True)), Progress(), device_source=Path(source))
        return
    sys.argv = ["inv", *arguments]
    program.main(tasks.ns)


main()
