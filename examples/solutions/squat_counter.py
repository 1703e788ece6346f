"""Counts squats by the angle of the knee.

python squat_counter.py VIDEO [OUTPUT.avi]
"""

import sys

import cv2
import mediapipe as mp
import numpy as np

mp_drawing = mp.solutions.drawing_utils
mp_pose = mp.solutions.pose


def calculate_angle(a, b, c):
    a = np.array(a)
    b = np.array(b)
    c = np.array(c)
    radians = np.arctan2(c[1] - b[1], c[0] - b[0]) - np.arctan2(a[1] - b[1], a[0] - b[0])
    angle = np.abs(radians * 180.0 / np.pi)
    if angle > 180.0:
        angle = 360 - angle
    return angle


cap = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
writer = None

counter = 0
stage = None
frame = 0

with mp_pose.Pose(min_detection_confidence=0.5, min_tracking_confidence=0.5) as pose:
    while cap.isOpened():
        ret, image = cap.read()
        if not ret:
            break
        frame += 1
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        image.flags.writeable = False
        results = pose.process(image)
        image.flags.writeable = True
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)

        try:
            landmarks = results.pose_landmarks.landmark
            hip = [
                landmarks[mp_pose.PoseLandmark.RIGHT_HIP.value].x * image.shape[1],
                landmarks[mp_pose.PoseLandmark.RIGHT_HIP.value].y * image.shape[0],
            ]
            knee = [
                landmarks[mp_pose.PoseLandmark.RIGHT_KNEE.value].x * image.shape[1],
                landmarks[mp_pose.PoseLandmark.RIGHT_KNEE.value].y * image.shape[0],
            ]
            ankle = [
                landmarks[mp_pose.PoseLandmark.RIGHT_ANKLE.value].x * image.shape[1],
                landmarks[mp_pose.PoseLandmark.RIGHT_ANKLE.value].y * image.shape[0],
            ]
            angle = calculate_angle(hip, knee, ankle)
            if angle > 165:
                stage = "up"
            if angle < 150 and stage == "up":
                stage = "down"
                counter += 1
            print(f"frame {frame} knee {angle:.1f} stage {stage} reps {counter}")
        except AttributeError:
            print(f"frame {frame} nobody")

        mp_drawing.draw_landmarks(
            image,
            results.pose_landmarks,
            mp_pose.POSE_CONNECTIONS,
            mp_drawing.DrawingSpec(color=(245, 117, 66), thickness=2, circle_radius=2),
            mp_drawing.DrawingSpec(color=(245, 66, 230), thickness=2, circle_radius=2),
        )
        if len(sys.argv) > 2:
            if writer is None:
                fourcc = cv2.VideoWriter_fourcc(*"FFV1")
                writer = cv2.VideoWriter(sys.argv[2], fourcc, 25, image.shape[1::-1])
            writer.write(image)

cap.release()
if writer is not None:
    writer.release()
print("squats:", counter)
