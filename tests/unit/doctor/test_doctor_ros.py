"""What the doctor says of ROS packages: keys of rosdep, and what it installs for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor import pins
from mediapipe_jetson.doctor.pins import Board
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import in_time, plant

ROS = "<package>\n  <name>hands</name>\n  %s\n</package>\n"


@pytest.mark.parametrize(
    ("depends", "expected"),
    [
        ("<exec_depend>python3-mediapipe-pip</exec_depend>", [("mediapipe", 3)]),
        ("<depend>\n    python3-mediapipe-pip\n  </depend>", [("mediapipe", 4)]),
        ("<!--\n<depend>python3-mediapipe-pip</depend>\n-->", []),
        ("<description>MediaPipe</description><depend>rclpy</depend>", []),
        ("<depend>mediapipe_msgs</depend>", []),
    ],
)
def test_a_ros_package(depends: str, expected: list[tuple[str, int]], tmp_path: Path) -> None:
    own = "<package><name>mediapipe_msgs</name></package>"
    plant(tmp_path, {"a/package.xml": ROS % depends, "b/package.xml": own})
    scan = Scan(tmp_path)
    assert [(item.name, item.line) for item in scan.requirements] == expected
    assert not scan.unread


def test_a_key_of_rosdep_that_no_table_knows_is_listed(tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % "<depend>python3-mediapipe-extra</depend>"})
    (unread,) = Scan(tmp_path).unread
    assert (unread.file, "python3-mediapipe-extra" in unread.why) == ("package.xml", True)
    known = "<depend>python3-mediapipe-pip</depend>"
    for order in (f"{known}<depend>mediapipe_x</depend>", f"<depend>mediapipe_x</depend>{known}"):
        plant(tmp_path, {"package.xml": ROS % order})
        scan = Scan(tmp_path)
        assert [item.name for item in scan.requirements] == ["mediapipe"]
        assert ["mediapipe_x" in item.why for item in scan.unread] == [True]


@pytest.mark.parametrize("condition", ["$ROS_VERSION == 1", "$ROS_VERSION == 2", "x"])
def test_a_key_of_rosdep_with_a_condition_is_not_known(condition: str, tmp_path: Path) -> None:
    text = f'<depend condition="{condition}">python3-mediapipe-pip</depend>'
    plant(tmp_path, {"package.xml": ROS % text})
    scan = Scan(tmp_path)
    assert (scan.requirements, [condition in item.why for item in scan.unread]) == ([], [True])


@pytest.mark.parametrize(
    "text",
    ["<!--" * 20_000, f"<depend>{' ' * 200_000}", "<name>" * 100_000, f"<depend {'a ' * 200_000}"],
)
def test_a_damaged_package_xml_is_read_in_time(text: str, tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % f"<depend>python3-mediapipe-pip</depend>{text}"})
    with in_time():
        scan = Scan(tmp_path)
    assert (scan.requirements, [item.file for item in scan.unread]) == ([], ["package.xml"])


def test_rosdep_installs_the_newest_alone(tmp_path: Path) -> None:
    plant(tmp_path, {"package.xml": ROS % "<depend>python3-mediapipe-pip</depend>"})
    (item,) = Scan(tmp_path).requirements
    problem = pins.judge(item, Board(old_cpu=True))
    assert problem is not None
    assert problem.instead.startswith("take it out, and install mediapipe==0.10.18")
