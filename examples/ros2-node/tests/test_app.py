import os
import subprocess
import sys
from pathlib import Path

import app
import outputs
from mediapipe_jetson import application
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

SOURCE = os.environ["MEDIAPIPE_JETSON_SOURCE"]


def start(*words):
    return subprocess.run(
        [sys.executable, Path(app.__file__), *words], capture_output=True, text=True, check=False
    )


def test_a_recording_has_both_topics_and_every_frame(tmp_path):
    bag = outputs.Bag(tmp_path / "bag")
    report = app.run(SOURCE, bag)
    bag.close()
    with Reader(tmp_path / "bag") as reader:
        counts = {one.topic: one.msgcount for one in reader.connections}
        raws = [raw for one, _, raw in reader.messages() if one.topic == "/pose/landmarks"]
    assert counts == {"/pose/landmarks": report.done, "/pose/image/compressed": report.done}
    store = get_typestore(Stores.ROS2_HUMBLE)
    poses = store.deserialize_cdr(raws[-1], "geometry_msgs/msg/PoseArray").poses
    assert len(poses) == 33
    # A nose is above the hips, and no giant's.
    assert -1.0 < poses[0].position.y < -0.3


def test_without_ros_it_says_what_to_do():
    done = start()
    assert done.returncode == 1
    assert done.stderr == "error: rclpy is not installed here: record with --bag FOLDER\n"


def test_a_recording_that_is_there_stays(tmp_path):
    done = start("--bag", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_source_is_the_one_that_the_service_names():
    assert application.source() == SOURCE
