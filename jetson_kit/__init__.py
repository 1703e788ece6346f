"""Host side of MediaPipe Jetson Kit: targets, wheels, images, fleets and reports."""

from jetson_kit.core import bytecode

__version__ = "0.1.0"

bytecode.keep_whole()
