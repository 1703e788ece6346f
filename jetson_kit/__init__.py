"""Host side of MediaPipe Jetson Kit: targets, wheels, images, fleets and reports."""

__version__ = "0.1.0"
