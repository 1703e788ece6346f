"""The files that MediaPipe's tests look for: stand-in pictures, and what MediaPipe finds in them.

The wheels carry the tests without their data. The pictures are the kit's own and those of
Debian's opencv-doc, under the names that the tests have; expected values are written by MediaPipe's
own classes on the CPU.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import mediapipe
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

from jetson_kit.models import bundles as models
from tests.vision import media

TESTDATA = Path("mediapipe/tasks/testdata/vision")
MODELS = {
    "face_landmarker_v2.task": "face",
    "hand_landmarker.task": "hand",
    "pose_landmarker.task": "pose",
    "deeplabv3.tflite": "selfie",
}
PICTURES = {
    "portrait.jpg": "astronaut.jpg",
    "cat.jpg": "baboon.jpg",
    "thumb_up.jpg": "messi5.jpg",
    "pointing_up.jpg": "right04.jpg",
    "cats_and_dogs.jpg": "fruits.jpg",
    "pose.jpg": "basketball1.png",
    "burger.jpg": "fruits.jpg",
    "segmentation_input_rotation0.jpg": "astronaut.jpg",
}
# A mask's pixel is this many times its category.
MAGNIFIED = 10


def write(folder: Path) -> None:
    """Fill a folder with all that the tests of the landmarkers and the segmenter open."""
    folder = folder / TESTDATA
    folder.mkdir(parents=True)
    for name, model in MODELS.items():
        shutil.copyfile(models.fetch([model])[0], folder / name)
    for name, picture in PICTURES.items():
        # As three channels: some are grey files, which the landmarkers refuse.
        _picture(folder / name, cv2.imread(str(media.path(picture))))
    hand = cv2.imread(str(media.path("right04.jpg")))
    _picture(folder / "pointing_up_rotated.jpg", cv2.rotate(hand, cv2.ROTATE_90_CLOCKWISE))
    # There is no picture of two hands: MediaPipe's own class fails that test.
    _picture(folder / "right_hands.jpg", hand)
    _expected(folder)


def _expected(folder: Path) -> None:
    """Write what MediaPipe's own classes find on the CPU."""

    def detect(kind: str, picture: str, model: str, turn: int = 0, **fields: Any) -> Any:
        delegate = BaseOptions.Delegate.CPU
        base = BaseOptions(model_asset_path=str(folder / model), delegate=delegate)
        options = getattr(vision, f"{kind}Options")(base_options=base, **fields)
        image = mediapipe.Image.create_from_file(str(folder / picture))
        with getattr(vision, kind).create_from_options(options) as task:
            run: Callable[..., Any] = task.segment if kind == "ImageSegmenter" else task.detect
            return run(image, ImageProcessingOptions(rotation_degrees=turn))

    (face,) = detect("FaceLandmarker", "portrait.jpg", "face_landmarker_v2.task").face_landmarks
    _write(folder / "portrait_expected_face_landmarks.pbtxt", _points("landmark", face))
    for name, turn in (("thumb_up", 0), ("pointing_up", 0), ("pointing_up_rotated", -90)):
        result = detect("HandLandmarker", f"{name}.jpg", "hand_landmarker.task", turn)
        category = result.handedness[0][0]
        _write(
            folder / f"{name}_landmarks.pbtxt",
            ["landmarks {", *_points("landmark", result.hand_landmarks[0]), "}"],
            ["classifications { classification {"],
            [f'index: {category.index} score: {category.score} label: "{category.category_name}"'],
            ["} }"],
        )
    (pose,) = detect("PoseLandmarker", "pose.jpg", "pose_landmarker.task").pose_landmarks
    _write(folder / "pose_landmarks.pbtxt", ["landmarks {", *_points("landmark", pose), "}"])
    mask = detect(
        "ImageSegmenter",
        "segmentation_input_rotation0.jpg",
        "deeplabv3.tflite",
        output_category_mask=True,
        output_confidence_masks=False,
    ).category_mask
    golden = mask.numpy_view().squeeze() * MAGNIFIED
    _picture(folder / "segmentation_golden_rotation0.png", golden)


def _picture(path: Path, pixels: Any) -> None:
    """Write pixels without loss, whatever the name ends with: the tests' names are fixed."""
    _, encoded = cv2.imencode(".png", pixels)
    path.write_bytes(encoded.tobytes())


def _points(field: str, points: list[Any]) -> list[str]:
    return [f"{field} {{ x: {point.x} y: {point.y} z: {point.z} }}" for point in points]


def _write(path: Path, *parts: list[str]) -> None:
    path.write_text("\n".join(line for part in parts for line in part), encoding="utf-8")
