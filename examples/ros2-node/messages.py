"""Landmarks as ROS 2 messages, by whoever's classes: rclpy's on a robot, rosbags' in a recording.

Types and fields are those of ROS 2's common_interfaces: geometry_msgs/msg/PoseArray and
sensor_msgs/msg/CompressedImage. `types` is a function from such a name to its class, which takes
the fields as keywords.
"""

import cv2

POSE_ARRAY = "geometry_msgs/msg/PoseArray"
IMAGE = "sensor_msgs/msg/CompressedImage"
NANO = 1_000_000_000


def header(types, stamp_ns, frame_id):
    """Return a std_msgs/msg/Header; `stamp_ns` in nanoseconds since 1970."""
    sec, nanosec = divmod(stamp_ns, NANO)
    stamp = types("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)
    return types("std_msgs/msg/Header")(stamp=stamp, frame_id=frame_id)


def pose_array(types, points, stamp_ns, frame_id):
    """Return world landmarks (metres, x to the right, y down, z away) as poses without a turn.

    These are the axes of an optical frame (REP 103), the origin is between the hips.
    """
    point, turn = types("geometry_msgs/msg/Point"), types("geometry_msgs/msg/Quaternion")
    pose = types("geometry_msgs/msg/Pose")
    poses = [
        pose(
            position=point(x=float(one.x), y=float(one.y), z=float(one.z)),
            orientation=turn(x=0.0, y=0.0, z=0.0, w=1.0),
        )
        for one in points
    ]
    return types(POSE_ARRAY)(header=header(types, stamp_ns, frame_id), poses=poses)


def image(types, bgr, stamp_ns, frame_id):
    """Return a picture (uint8, BGR) as JPEG."""
    data = cv2.imencode(".jpg", bgr)[1].reshape(-1)
    return types(IMAGE)(header=header(types, stamp_ns, frame_id), format="jpeg", data=data)
