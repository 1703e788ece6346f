"""A node in ROS's manner: images come in by a topic, landmarks go out as messages.

python ros_node.py VIDEO     without ROS, from a file
"""

import json
import queue
import sys
import threading

import cv2
import mediapipe as mp


class Publisher:
    """Where rospy.Publisher would be."""

    def __init__(self, topic):
        self.topic = topic

    def publish(self, msg):
        print(self.topic, json.dumps(msg))


class Subscriber:
    """Where rospy.Subscriber would be: calls back from a thread of its own."""

    def __init__(self, source, callback):
        self.source = source
        self.callback = callback
        self.thread = threading.Thread(target=self.spin, daemon=True)

    def spin(self):
        cap = cv2.VideoCapture(self.source)
        while True:
            ok, image = cap.read()
            self.callback(image if ok else None)
            if not ok:
                break


class HandPoseNode:
    def __init__(self, source):
        self.mp_hands = mp.solutions.hands
        self.hands = self.mp_hands.Hands(
            static_image_mode=False,
            max_num_hands=2,
            min_detection_confidence=0.5,
            min_tracking_confidence=0.5,
        )
        self.mp_drawing = mp.solutions.drawing_utils
        self.images = queue.Queue(maxsize=1)
        self.pub = Publisher("/hand_landmarks")
        self.sub = Subscriber(source, self.image_callback)
        self.seq = 0

    def image_callback(self, image):
        self.images.put(image)

    def spin(self):
        self.sub.thread.start()
        while True:
            image = self.images.get()
            if image is None:
                break
            self.seq += 1
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            results = self.hands.process(image)
            if not results.multi_hand_landmarks:
                self.pub.publish({"seq": self.seq, "hands": []})
                continue
            hands = []
            for hand_landmarks, hand_world_landmarks, handedness in zip(
                results.multi_hand_landmarks,
                results.multi_hand_world_landmarks,
                results.multi_handedness,
            ):
                self.mp_drawing.draw_landmarks(
                    image, hand_landmarks, list(self.mp_hands.HAND_CONNECTIONS)
                )
                category = handedness.classification[0]
                tips = {
                    name: [
                        round(float(getattr(hand_world_landmarks.landmark[point], k)), 4)
                        for k in "xyz"
                    ]
                    for name, point in (
                        ("thumb", self.mp_hands.HandLandmark.THUMB_TIP),
                        ("index", self.mp_hands.HandLandmark.INDEX_FINGER_TIP),
                    )
                }
                hands.append(
                    {
                        "index": category.index,
                        "label": category.label,
                        "score": round(category.score, 3),
                        "points": len(hand_landmarks.landmark),
                        "wrist": [
                            round(hand_landmarks.landmark[0].x, 4),
                            round(hand_landmarks.landmark[0].y, 4),
                        ],
                        "tips": tips,
                    }
                )
            self.pub.publish({"seq": self.seq, "hands": hands})


if __name__ == "__main__":
    HandPoseNode(sys.argv[1] if len(sys.argv) > 1 else 0).spin()
