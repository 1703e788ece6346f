"""Puts the bundle of MediaPipe's HolisticLandmarker together: no package carries the published one.

python holistic_bundle.py MODELS OUT.task, under MediaPipe 0.10.21, which writes the metadata that
the legacy hand_recrop.tflite lacks.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from mediapipe.tasks.python.metadata.metadata_writers import metadata_writer

PARTS = {
    "face_detector.tflite": "face_landmarker.task",
    "face_landmarks_detector.tflite": "face_landmarker.task",
    "face_blendshapes.tflite": "face_landmarker.task",
    "hand_landmarks_detector.tflite": "hand_landmarker.task",
    "pose_detector.tflite": "pose_landmarker_full.task",
    "pose_landmarks_detector.tflite": "pose_landmarker_full.task",
}


def write(models: Path, out: Path) -> None:
    """Write the bundle from the parts that the kit has."""
    writer = metadata_writer.MetadataWriter.create(
        bytearray((models / "hand_recrop.tflite").read_bytes())
    )
    writer.add_image_input([0.0], [255.0])
    writer.add_feature_output("rect")
    recrop, _ = writer.populate()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bundle:
        for part, source in PARTS.items():
            with zipfile.ZipFile(models / source) as archive:
                bundle.writestr(part, archive.read(part))
        bundle.writestr("hand_roi_refinement.tflite", bytes(recrop))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
