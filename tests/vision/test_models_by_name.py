"""Models that no image has by default: MediaPipe's own tasks find with them what is there."""

from __future__ import annotations

from pathlib import Path

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe_jetson.landmarks import DATA

from tests.vision.near import Bundle

pytestmark = pytest.mark.vision


@pytest.fixture
def astronaut() -> mediapipe.Image:
    return mediapipe.Image.create_from_file(str(Path(DATA) / "astronaut.jpg"))


def test_an_object_detector_finds_the_person(bundle: Bundle, astronaut: mediapipe.Image) -> None:
    options = vision.ObjectDetectorOptions(BaseOptions(bundle("object")), score_threshold=0.5)
    with vision.ObjectDetector.create_from_options(options) as detector:
        detections = detector.detect(astronaut).detections
    assert [item.categories[0].category_name for item in detections] == ["person"]


def test_a_classifier_sees_a_helmet_or_its_kin(bundle: Bundle, astronaut: mediapipe.Image) -> None:
    options = vision.ImageClassifierOptions(BaseOptions(bundle("classifier")), max_results=10)
    with vision.ImageClassifier.create_from_options(options) as classifier:
        (head,) = classifier.classify(astronaut).classifications
    assert len(head.categories) == 10
    assert all(0 < category.score < 1 and category.category_name for category in head.categories)


def test_a_segmenter_of_21_classes_finds_the_person(
    bundle: Bundle, astronaut: mediapipe.Image
) -> None:
    options = vision.ImageSegmenterOptions(
        BaseOptions(bundle("segmenter")), output_category_mask=True
    )
    with vision.ImageSegmenter.create_from_options(options) as segmenter:
        mask = segmenter.segment(astronaut).category_mask.numpy_view().copy()
    person = 15  # PASCAL VOC
    assert np.mean(mask == person) > 0.3


def test_a_detector_of_far_faces_finds_this_one(bundle: Bundle, astronaut: mediapipe.Image) -> None:
    options = vision.FaceDetectorOptions(BaseOptions(bundle("face-full")))
    with vision.FaceDetector.create_from_options(options) as detector:
        (result,) = detector.detect(astronaut).detections
    box = result.bounding_box
    # Where the astronaut's nose is.
    assert box.origin_x < 225 < box.origin_x + box.width
    assert box.origin_y < 120 < box.origin_y + box.height
