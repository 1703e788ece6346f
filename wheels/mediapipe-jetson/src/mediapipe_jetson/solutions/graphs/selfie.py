"""Legacy Selfie Segmentation. Written to SelfieSegmentationCpu of MediaPipe 0.10.21."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mediapipe_jetson.backends.base import ModelError
from mediapipe_jetson.vision.crops import Crop

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

GENERAL, LANDSCAPE = "selfie_segmenter", "selfie_segmenter_landscape"


class SelfieGraph:
    """Tells the person from the background; each frame is on its own."""

    def __init__(self, model: str) -> None:
        """Take the sub-model's name."""
        self.model = model

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        self.session = session = sessions[self.model]
        shape = session.inputs[0].shape
        if len(shape) != 4 or shape[3] != 3 or session.outputs[0].shape[:3] != shape[:3]:
            raise ModelError(f"{self.model} is no segmenter: its input is {shape}")
        self.crop = Crop(shape, 0.0, 1.0, zeros=True)

    def process(self, frame: Frame, timestamp_ms: float) -> Array:
        """Return the mask (height, width) of the frame, float32 from 0 to 1."""
        del timestamp_ms
        inputs = self.session.buffers
        self.crop.fill(frame.pixels, frame.region, inputs[0][0])
        small = self.session.run(inputs)[0][0, :, :, 0]
        return np.asarray(cv2.resize(small, frame.size, interpolation=cv2.INTER_LINEAR))
