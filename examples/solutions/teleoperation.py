"""Angles of a person's arms for a robot's joints, from the pose's world landmarks.

python teleoperation.py VIDEO [LOG.pickle]     the log holds the landmark lists as they came
"""

import pickle
import sys

import cv2
import mediapipe as mp
import numpy as np

mp_pose = mp.solutions.pose
P = mp_pose.PoseLandmark

JOINTS = {
    "l_elbow": (P.LEFT_SHOULDER, P.LEFT_ELBOW, P.LEFT_WRIST),
    "r_elbow": (P.RIGHT_SHOULDER, P.RIGHT_ELBOW, P.RIGHT_WRIST),
    "l_shoulder": (P.LEFT_HIP, P.LEFT_SHOULDER, P.LEFT_ELBOW),
    "r_shoulder": (P.RIGHT_HIP, P.RIGHT_SHOULDER, P.RIGHT_ELBOW),
}


class Teleoperator:
    def __init__(self):
        self.pose = mp_pose.Pose(
            static_image_mode=False,
            model_complexity=1,
            smooth_landmarks=True,
            enable_segmentation=True,
            min_detection_confidence=0.5,
            min_tracking_confidence=0.5,
        )
        self.last = dict.fromkeys(JOINTS, 0.0)

    def vector(self, landmark):
        return np.array([landmark.x, landmark.y, landmark.z])

    def command(self, results):
        joints = {}
        world = results.pose_world_landmarks.landmark
        for name, (a, b, c) in JOINTS.items():
            if not world[b].HasField("visibility") or world[b].visibility < 0.3:
                joints[name] = self.last[name]
                continue
            one = self.vector(world[a]) - self.vector(world[b])
            other = self.vector(world[c]) - self.vector(world[b])
            cos = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
            joints[name] = float(np.degrees(np.arccos(cos)))
        self.last = joints
        return joints


operator = Teleoperator()
log = []
cap = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
number = 0
while cap.isOpened():
    ok, frame = cap.read()
    if not ok:
        break
    number += 1
    results = operator.pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    if results.pose_world_landmarks is None:
        print(number, "hold position")
        continue
    log.append(results.pose_world_landmarks)
    covered = (results.segmentation_mask > 0.5).mean()
    angles = operator.command(results)
    print(
        number,
        " ".join(f"{name} {angle:.1f}" for name, angle in angles.items()),
        f"covers {covered:.3f}",
    )

names = [descriptor.name for descriptor, _ in log[0].landmark[0].ListFields()] if log else []
print("logged", len(log), "fields", names)
if len(sys.argv) > 2:
    with open(sys.argv[2], "wb") as f:
        pickle.dump(log, f)
operator.pose.close()
