"""MediaPipe's legacy connections of a body."""

from __future__ import annotations

from mediapipe_jetson.solutions.connections import pairs

POSE_CONNECTIONS = frozenset(pairs("pose", "POSE_CONNECTIONS"))
