import os

import app
import numpy as np
import pytest
from mediapipe_jetson.pipeline import Pipeline, PipelineError

SOURCE = os.environ["MEDIAPIPE_JETSON_SOURCE"]


def test_both_cameras_find_their_faces():
    found = {0: [], 1: []}
    reports = app.run([SOURCE, SOURCE], on_result=lambda place, faces: found[place].append(faces))
    assert [report.done for report in reports] == [len(found[0]), len(found[1])]
    assert set(found[0]) == set(found[1]) == {1}


def test_a_camera_that_fails_ends_all(tmp_path):
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"RIFF")
    with pytest.raises(PipelineError, match=r"broken\.avi"):
        app.run([f"file://{SOURCE}?loop=1", str(broken)])


def test_one_that_breaks_in_the_middle_ends_all():
    def fail(place, _faces):
        if place == 1:
            raise ValueError("a bug in the application")

    with pytest.raises(PipelineError, match="a bug in the application"):
        app.run([f"file://{SOURCE}?loop=1", SOURCE], on_result=fail)


def test_the_wall_has_a_tile_each():
    wall = app.Wall(3)
    wall.put(1, np.full((480, 640, 3), 200, np.uint8), "")
    picture = wall.picture()
    assert picture.shape == (240, 960, 3)
    assert [int(tile.mean()) for tile in np.hsplit(picture, 3)] == [0, 200, 0]


def test_a_camera_gives_its_newest_frame_and_a_file_every_one():
    policies = [
        Pipeline(source, lambda frame: frame, policy="auto").policy
        for source in (f"file://{SOURCE}?loop=1", SOURCE)
    ]
    assert policies == ["latest", "all"]
