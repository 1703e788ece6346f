"""Lets `python3 -m mediapipe_image` work."""

import sys

from mediapipe_image.cli import main

sys.exit(main())
