"""A robot that follows a person: a Kalman filter over the middle of the hips, and what to steer.

python kalman_follower.py VIDEO
"""

import sys

import cv2
import mediapipe as mp
import numpy as np


class KalmanFilter:
    def __init__(self):
        self.kf = cv2.KalmanFilter(4, 2)
        self.kf.measurementMatrix = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32)
        self.kf.transitionMatrix = np.array(
            [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32
        )
        self.kf.processNoiseCov = np.eye(4, dtype=np.float32) * 0.03

    def estimate(self, x, y):
        self.kf.correct(np.array([[np.float32(x)], [np.float32(y)]]))
        return self.kf.predict()[:2].ravel()


class Follower:
    def __init__(self, source):
        self.cap = cv2.VideoCapture(source)
        self.pose = mp.solutions.pose.Pose(model_complexity=1, smooth_landmarks=False)
        self.filter = KalmanFilter()
        self.missed = 0

    def step(self, frame):
        height, width = frame.shape[:2]
        results = self.pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        if not results.pose_landmarks:
            self.missed += 1
            x, y = self.filter.kf.predict()[:2].ravel()
            return "search" if self.missed > 3 else "coast", x, y
        self.missed = 0
        left, right = (
            results.pose_landmarks.landmark[i]
            for i in (
                mp.solutions.pose.PoseLandmark.LEFT_HIP,
                mp.solutions.pose.PoseLandmark.RIGHT_HIP,
            )
        )
        x, y = self.filter.estimate((left.x + right.x) / 2 * width, (left.y + right.y) / 2 * height)
        error = x / width - 0.5
        if abs(error) < 0.05:
            return "forward", x, y
        return ("right" if error > 0 else "left"), x, y

    def run(self):
        number = 0
        while True:
            ok, frame = self.cap.read()
            if not ok:
                return
            number += 1
            command, x, y = self.step(frame)
            print(f"{number:3d} {command:8s} {x:.1f} {y:.1f}")


if __name__ == "__main__":
    Follower(sys.argv[1] if len(sys.argv) > 1 else 0).run()
