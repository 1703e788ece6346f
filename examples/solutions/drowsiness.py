"""Drowsiness alarm: eyes that stay closed, and yawns, by Face Mesh.

python drowsiness.py VIDEO     a file or the number of a camera
"""

import argparse

import cv2
import mediapipe as mp
import numpy as np

LEFT_EYE = [362, 385, 387, 263, 373, 380]
RIGHT_EYE = [33, 160, 158, 133, 153, 144]
MOUTH = [61, 291, 13, 14]
EAR_THRESH = 0.29
MAR_THRESH = 0.35
CONSEC_FRAMES = 4

mp_face_mesh = mp.solutions.face_mesh
mp_drawing = mp.solutions.drawing_utils
drawing_spec = mp_drawing.DrawingSpec(thickness=1, circle_radius=1)


def eye_aspect_ratio(pts):
    A = np.linalg.norm(pts[1] - pts[5])
    B = np.linalg.norm(pts[2] - pts[4])
    C = np.linalg.norm(pts[0] - pts[3])
    return (A + B) / (2.0 * C)


parser = argparse.ArgumentParser()
parser.add_argument("source", nargs="?", default="0")
parser.add_argument("--show", action="store_true")
args = parser.parse_args()

cap = cv2.VideoCapture(int(args.source) if args.source.isdigit() else args.source)
face_mesh = mp_face_mesh.FaceMesh(
    max_num_faces=1,
    refine_landmarks=True,
    min_detection_confidence=0.5,
    min_tracking_confidence=0.5,
)

frame_no, counter, blinks, alarms, yawns = 0, 0, 0, 0, 0
yawning = False
while cap.isOpened():
    success, frame = cap.read()
    if not success:
        break
    frame_no += 1
    h, w, _ = frame.shape
    frame.flags.writeable = False
    results = face_mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    frame.flags.writeable = True
    if not results.multi_face_landmarks:
        counter = 0
        print("frame", frame_no, "no face")
        continue
    for face_landmarks in results.multi_face_landmarks:
        mesh = np.array([[p.x * w, p.y * h] for p in face_landmarks.landmark])
        ear = (eye_aspect_ratio(mesh[LEFT_EYE]) + eye_aspect_ratio(mesh[RIGHT_EYE])) / 2
        left, right, top, bottom = mesh[MOUTH]
        mar = np.linalg.norm(top - bottom) / np.linalg.norm(left - right)
        if ear < EAR_THRESH:
            counter += 1
            if counter == CONSEC_FRAMES:
                alarms += 1
                print("DROWSINESS ALERT!")
        else:
            if counter:
                blinks += 1
            counter = 0
        if mar > MAR_THRESH and not yawning:
            yawns += 1
        yawning = mar > MAR_THRESH
        print(f"frame {frame_no} EAR {ear:.4f} MAR {mar:.4f}")
        if args.show:
            mp_drawing.draw_landmarks(
                image=frame,
                landmark_list=face_landmarks,
                connections=mp_face_mesh.FACEMESH_CONTOURS,
                landmark_drawing_spec=drawing_spec,
                connection_drawing_spec=drawing_spec,
            )
            cv2.imshow("drowsiness", frame)
            cv2.waitKey(1)

print(f"blinks {blinks} alarms {alarms} yawns {yawns}")
cap.release()
face_mesh.close()
