"""Says what a Jetson and its MediaPipe really are, and proves that inference works."""

__version__ = "0.1.0"
