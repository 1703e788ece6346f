"""Publishes hand gestures by MQTT: hold a gesture, and a lamp, a blind or a robot obeys."""

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

import cv2
import paho.mqtt.client as mqtt
from mediapipe_jetson import application
from mediapipe_jetson.pipeline import Pipeline, PipelineError
from mediapipe_jetson.pipeline.draw import draw_landmarks

TOPIC = os.environ.get("MQTT_TOPIC", "gestures/camera")
# What each gesture means; receivers need not know MediaPipe's names.
COMMANDS = {
    "Open_Palm": "stop",
    "Closed_Fist": "off",
    "Pointing_Up": "on",
    "Victory": "next",
    "Thumb_Up": "up",
    "Thumb_Down": "down",
}
# A gesture is a command once it was seen in so many frames in a row, this surely.
FRAMES, SURE = 3, 0.5
ONLINE, OFFLINE = "online", "offline"
QUEUE = 100
CLOSE_S = 5
GREEN = (0, 255, 0)


class Held:
    """Tells when a gesture was held long enough; the same one counts again after a pause."""

    def __init__(self):
        self._name, self._frames = "", 0

    def update(self, name):
        """Take a frame's gesture, "" for none; return the name of one that now counts, or ""."""
        self._frames = self._frames + 1 if name == self._name else 1
        self._name = name
        return name if self._frames == FRAMES else ""


class Broker:
    """A connection that comes back by itself; while it is away, at most QUEUE commands wait."""

    def __init__(self, host, port):
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(QUEUE)
        if user := os.environ.get("MQTT_USER"):
            # A file on the board, mounted by [service] volumes: no password in image or variables.
            password = Path(os.environ["MQTT_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
            self._client.username_pw_set(user, password)
        if authority := os.environ.get("MQTT_CA"):
            self._client.tls_set(ca_certs=authority)
        # The broker says it for us when the power goes.
        self._client.will_set(f"{TOPIC}/state", OFFLINE, qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.connect_async(host, port, keepalive=30)
        self._client.loop_start()

    def _connected(self, client, _userdata, _flags, reason, _properties):
        print(f"broker: {reason}", flush=True)
        if not reason.is_failure:
            client.publish(f"{TOPIC}/state", ONLINE, qos=1, retain=True)

    def publish(self, command):
        """Send a command, at least once; it waits while the broker is away."""
        return self._client.publish(f"{TOPIC}/command", json.dumps(command), qos=1)

    def close(self):
        """Say goodbye, and wait a little for what is under way."""
        last = self._client.publish(f"{TOPIC}/state", OFFLINE, qos=1, retain=True)
        with contextlib.suppress(RuntimeError, ValueError):  # the broker is away
            last.wait_for_publish(CLOSE_S)
        self._client.disconnect()
        self._client.loop_stop()


def gesture(result):
    """Return the name of the first hand's gesture, "" for none that is sure enough."""
    best = result.gestures[0][0] if result.gestures else None
    return best.category_name if best and best.score >= SURE else ""


def run(source, send, picture=""):
    """Run until the source ends; `send` gets each command. `picture` is of the last one."""
    held = Held()

    def sink(job):
        name = held.update(gesture(job.result))
        if command := COMMANDS.get(name):
            print(f"{job.frame.timestamp_ms / 1000:.1f} s: {name}, {command}", flush=True)
            send({"command": command, "gesture": name, "at_ms": job.frame.timestamp_ms})
            if picture:
                draw_landmarks(job)
                text = f"{name}: {command}"
                cv2.putText(job.frame.bgr, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, GREEN, 1)
                cv2.imwrite(picture, job.frame.bgr)

    with application.landmarker("gesture") as recognizer:
        (report,) = application.run(Pipeline(source, recognizer, sink, policy="auto"))
    print(*report.lines(), sep="\n")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=application.source(), help="default: %(default)s")
    parser.add_argument("--host", default=os.environ.get("MQTT_HOST", "localhost"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("MQTT_PORT", "1883")))
    parser.add_argument("--picture", default="", metavar="FILE", help="write the last command")
    words = parser.parse_args()
    try:
        broker = Broker(words.host, words.port)
    except (OSError, KeyError) as error:
        sys.exit(f"error: the broker's settings: {error}")
    try:
        run(words.source, broker.publish, words.picture)
    except PipelineError as error:
        sys.exit(f"error: {error}")
    finally:
        broker.close()


if __name__ == "__main__":
    main()
