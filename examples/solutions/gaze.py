"""Where eyes look: the iris between the corners of the eye.

python gaze.py VIDEO
"""

import sys

import cv2 as cv
import mediapipe as mp
import numpy as np
from mediapipe import solutions
from mediapipe.python.solutions.face_mesh import FACEMESH_LEFT_IRIS, FACEMESH_RIGHT_IRIS

LEFT_IRIS = sorted({i for edge in FACEMESH_LEFT_IRIS for i in edge})
RIGHT_IRIS = sorted({i for edge in FACEMESH_RIGHT_IRIS for i in edge})
L_H_LEFT, L_H_RIGHT = [33], [133]
R_H_LEFT, R_H_RIGHT = [362], [263]


def euclidean_distance(point1, point2):
    x1, y1 = point1.ravel()
    x2, y2 = point2.ravel()
    return np.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)


def iris_position(iris_center, right_point, left_point):
    center_to_right_dist = euclidean_distance(iris_center, right_point)
    total_distance = euclidean_distance(right_point, left_point)
    ratio = center_to_right_dist / total_distance
    if ratio <= 0.42:
        iris = "right"
    elif ratio <= 0.57:
        iris = "center"
    else:
        iris = "left"
    return iris, ratio


cap = cv.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
with solutions.face_mesh.FaceMesh(
    max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.5
) as face_mesh:
    number = 0
    while True:
        ret, frame = cap.read()
        if not ret:
            break
        number += 1
        rgb_frame = cv.cvtColor(cv.flip(frame, 1), cv.COLOR_BGR2RGB)
        img_h, img_w = frame.shape[:2]
        results = face_mesh.process(rgb_frame)
        if results.multi_face_landmarks:
            mesh_points = np.array(
                [
                    np.multiply([p.x, p.y], [img_w, img_h])
                    for p in results.multi_face_landmarks[0].landmark
                ]
            ).astype(np.float32)
            assert len(mesh_points) == mp.solutions.face_mesh.FACEMESH_NUM_LANDMARKS_WITH_IRISES
            (l_cx, l_cy), l_radius = cv.minEnclosingCircle(mesh_points[LEFT_IRIS])
            (r_cx, r_cy), r_radius = cv.minEnclosingCircle(mesh_points[RIGHT_IRIS])
            center_right = np.array([r_cx, r_cy], dtype=np.float32)
            position, ratio = iris_position(
                center_right, mesh_points[L_H_RIGHT], mesh_points[L_H_LEFT]
            )
            print(
                f"frame {number} {position} ratio {ratio:.3f}"
                f" radius {l_radius:.2f} {r_radius:.2f} depth"
                f" {results.multi_face_landmarks[0].landmark[473].z:.3f}"
            )
        else:
            print(f"frame {number} no face")
cap.release()
