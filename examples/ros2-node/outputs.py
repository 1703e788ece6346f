"""Where messages go: to ROS 2 by rclpy, or into a recording (rosbag2) where no ROS is installed."""

import importlib
from concurrent.futures import ThreadPoolExecutor

import messages

TOPICS = {"pose/landmarks": messages.POSE_ARRAY, "pose/image/compressed": messages.IMAGE}


class Ros:
    """A node that publishes. Raises ImportError where no ROS 2 is installed."""

    def __init__(self):
        self._rclpy = importlib.import_module("rclpy")
        qos = importlib.import_module("rclpy.qos").qos_profile_sensor_data
        self._rclpy.init()
        self._node = self._rclpy.create_node("mediapipe_pose")
        self._publishers = {
            topic: self._node.create_publisher(self.types(name), topic, qos)
            for topic, name in TOPICS.items()
        }

    @staticmethod
    def types(name):
        package, _, kind = name.rpartition("/")
        return getattr(importlib.import_module(package.replace("/", ".")), kind)

    def send(self, topic, message, _stamp_ns):
        self._publishers[topic].publish(message)

    def close(self):
        self._node.destroy_node()
        self._rclpy.try_shutdown()


class Bag:
    """A recording for `ros2 bag play`. Raises FileExistsError for a folder that is there."""

    def __init__(self, folder):
        rosbag2 = importlib.import_module("rosbags.rosbag2")
        typesys = importlib.import_module("rosbags.typesys")
        self._store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
        try:
            self._writer = rosbag2.Writer(folder, version=9)
        except rosbag2.WriterError as error:
            raise FileExistsError(str(error)) from error
        # SQLite, which the recording is, wants one thread; a pipeline's sink has another than ours.
        self._thread = ThreadPoolExecutor(1)
        self._in_thread(self._writer.open)
        self._connections = {
            topic: self._in_thread(
                self._writer.add_connection, f"/{topic}", name, typestore=self._store
            )
            for topic, name in TOPICS.items()
        }

    def _in_thread(self, function, *words, **options):
        return self._thread.submit(function, *words, **options).result()

    def types(self, name):
        return self._store.types[name]

    def send(self, topic, message, stamp_ns):
        raw = self._store.serialize_cdr(message, TOPICS[topic])
        self._in_thread(self._writer.write, self._connections[topic], stamp_ns, raw)

    def close(self):
        self._in_thread(self._writer.close)
        self._thread.shutdown()
