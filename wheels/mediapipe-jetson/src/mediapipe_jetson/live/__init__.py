"""A pipeline in a browser and in Prometheus: `with serve(pipeline, 8080): pipeline.run()`."""

from __future__ import annotations

from mediapipe_jetson.live.errors import PasswordError, PortError, ServeError
from mediapipe_jetson.live.serve import Live, serve

__all__ = ["Live", "PasswordError", "PortError", "ServeError", "serve"]
