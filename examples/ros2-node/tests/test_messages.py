"""The messages, judged by rosbags' own definitions of ROS 2 Humble and its serializer (CDR)."""

import messages
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

STORES = (Stores.ROS2_FOXY, Stores.ROS2_HUMBLE, Stores.ROS2_JAZZY)
STAMP_NS = 1_700_000_000_123_456_789


class Point:
    def __init__(self, *values):
        self.x, self.y, self.z = values


@pytest.fixture(params=STORES, ids=str)
def store(request):
    return get_typestore(request.param)


def there_and_back(store, message, name):
    return store.deserialize_cdr(store.serialize_cdr(message, name), name)


def test_landmarks_are_poses_in_metres(store):
    made = messages.pose_array(
        store.types.__getitem__, [Point(0.1, -0.5, 0.25), Point(1, 2, 3)], STAMP_NS, "camera"
    )
    back = there_and_back(store, made, messages.POSE_ARRAY)
    assert (back.header.stamp.sec, back.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert back.header.frame_id == "camera"
    places = [(one.position.x, one.position.y, one.position.z) for one in back.poses]
    assert places == [(0.1, -0.5, 0.25), (1.0, 2.0, 3.0)]
    assert {(one.orientation.x, one.orientation.w) for one in back.poses} == {(0.0, 1.0)}


def test_a_picture_is_jpeg(store):
    bgr = np.full((48, 64, 3), 128, np.uint8)
    made = messages.image(store.types.__getitem__, bgr, STAMP_NS, "camera")
    back = there_and_back(store, made, messages.IMAGE)
    assert back.format == "jpeg"
    assert bytes(back.data[:3]) == b"\xff\xd8\xff"


def test_no_person_is_no_pose(store):
    made = messages.pose_array(store.types.__getitem__, [], STAMP_NS, "camera")
    assert there_and_back(store, made, messages.POSE_ARRAY).poses == []
