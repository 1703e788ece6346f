import base64
import os
import urllib.error
import urllib.request

import app
import numpy as np
import pytest
from mediapipe_jetson import camera
from mediapipe_jetson.pipeline import Detected, Frame


class Result:
    def __init__(self, *faces):
        self.face_landmarks = faces


class Point:
    x, y = 0.5, 0.5


def test_every_frame_has_a_face_with_its_mesh_drawn():
    frames = []
    source = os.environ["MEDIAPIPE_JETSON_SOURCE"]
    report = app.run(source, on_frame=frames.append)
    assert report.done == len(frames) > 1
    with camera.open(source) as originals:
        for job, original in zip(frames, originals):
            (face,) = job.result.face_landmarks
            assert len(face) == 478
            rows, columns = np.nonzero((job.frame.bgr != original).any(axis=2))
            assert len(rows) > 1000
            height, width = original.shape[:2]
            # Nothing is drawn outside of the box about the landmarks.
            assert columns.min() >= min(point.x for point in face) * width - 2
            assert columns.max() <= max(point.x for point in face) * width + 2
            assert rows.min() >= min(point.y for point in face) * height - 2
            assert rows.max() <= max(point.y for point in face) * height + 2


def test_a_frame_without_a_face_stays_as_it_is():
    black = np.zeros((20, 20, 3), np.uint8)
    app.draw(Detected(Frame(0, 0, black, 0.0), Result()))
    assert not black.any()


def test_the_page_is_for_those_who_have_the_password(capsys, tmp_path, monkeypatch):
    password = tmp_path / "password"
    password.write_text("long-and-random\n")
    monkeypatch.setenv("MEDIAPIPE_JETSON_SERVE_PASSWORD_FILE", str(password))
    known = base64.b64encode(b"me:long-and-random").decode()
    seen = []

    def look(_job):
        address = capsys.readouterr().out.split()[0] if not seen else ""
        if address:
            address = address.replace("0.0.0.0", "127.0.0.1")
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(address, timeout=10)
            asked = urllib.request.Request(address, headers={"Authorization": f"Basic {known}"})
            with urllib.request.urlopen(asked, timeout=10) as page:
                seen.append(page.read())

    app.run(os.environ["MEDIAPIPE_JETSON_SOURCE"], port=0, on_frame=look)
    assert b"<html" in seen[0]
