"""Model bundles that are damaged, foreign, or too large: a typed error of MediaPipe's kind."""

from __future__ import annotations

import io
import os
import random
import zipfile
from pathlib import Path

import pytest
from mediapipe_jetson import vision
from mediapipe_jetson.backends.base import BackendError
from mediapipe_jetson.vision import bundles, geometry
from mediapipe_jetson.vision.errors import BundleError, BundleMissingError, OptionError

from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"


def test_no_model_at_all() -> None:
    with pytest.raises(OptionError, match="no model"):
        vision.FaceLandmarker()


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BundleMissingError, match=r"nothing\.task"):
        vision.FaceLandmarker(model_asset_path=str(tmp_path / "nothing.task"))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Unable to open"):
        vision.FaceLandmarker(model_asset_path=str(tmp_path))


def test_a_pipe_does_not_keep_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.task")
    with pytest.raises(BundleError, match="no regular file"):
        vision.FaceLandmarker(model_asset_path=str(tmp_path / "pipe.task"))


def test_a_device_is_no_bundle() -> None:
    with pytest.raises(BundleError, match="no regular file"):
        bundles.read("/dev/zero", None)


def test_models_that_changed_places(bundle: Bundle, tmp_path: Path) -> None:
    """A name proves nothing: what a model gives is not of its task."""
    path = tmp_path / "swapped.task"
    with zipfile.ZipFile(bundle("hand")) as source, zipfile.ZipFile(path, "w") as target:
        names = [name for name in source.namelist() if name.endswith(".tflite")]
        for name, other in zip(names, reversed(names), strict=True):
            target.writestr(name, source.read(other))
    with pytest.raises(BackendError, match="hand_detector has outputs of"):
        vision.HandLandmarker(model_asset_path=str(path), backend="litert")


def test_the_bundle_of_another_task(bundle: Bundle) -> None:
    with pytest.raises(BundleMissingError, match=r"face_detector\.tflite.*hand_detector"):
        vision.FaceLandmarker(model_asset_path=bundle("hand"))


def test_an_archive_that_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("face_detector.tflite", bytes(2 << 20))
    monkeypatch.setattr(bundles, "MOST_BYTES", 1 << 20)
    with pytest.raises(BundleError, match="unpacks to more"):
        bundles.read(None, content.getvalue())


def test_models_that_are_none(bundle: Bundle) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in bundles.read(bundle("face"), None).members:
            archive.writestr(name, b"this is no model")
    with pytest.raises(BackendError, match="litert can't load face_detector"):
        vision.FaceLandmarker(model_asset_buffer=content.getvalue(), backend="litert")


def test_models_of_other_shapes(bundle: Bundle) -> None:
    hands = bundles.read(bundle("hand"), None).members
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("face_detector.tflite", hands["hand_landmarks_detector.tflite"])
        archive.writestr("face_landmarks_detector.tflite", hands["hand_detector.tflite"])
    with pytest.raises(BackendError, match="face_detector"):
        vision.FaceLandmarker(model_asset_buffer=content.getvalue(), backend="litert")


def test_damaged_bundles_are_refused_or_read_whole(bundle: Bundle) -> None:
    sound = Path(bundle("hand")).read_bytes()
    members = bundles.read(None, sound).members
    # The archive's own structure: its members' contents are guarded by their checksums.
    marks = [0, len(sound) - 400, len(sound) - 120, len(sound) - 22]
    chance = random.Random(3)  # noqa: S311
    for _ in range(400):
        damaged = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice(marks) + chance.randint(0, 60)
            damaged[min(at, len(damaged) - 1)] = chance.randint(0, 255)
        if chance.random() < 0.2:
            del damaged[chance.randint(1, len(damaged)) :]
        try:
            result = bundles.read(None, bytes(damaged)).members
        except BundleError:
            continue
        for name, content in result.items():
            assert content == members.get(name, content)


def test_damaged_geometry_is_refused_or_usable(bundle: Bundle) -> None:
    sound = bundles.read(bundle("face"), None).member(GEOMETRY)
    assert geometry.read(sound).points.shape == (468, 3)
    chance = random.Random(4)  # noqa: S311
    for _ in range(3000):
        damaged = bytearray(sound)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randint(0, 255)
        if chance.random() < 0.3:
            del damaged[chance.randint(1, len(damaged)) :]
        try:
            face = geometry.read(bytes(damaged))
        except BundleError:
            continue
        assert face.points.shape == (len(face.weights), 3)
