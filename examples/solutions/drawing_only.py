"""Draws landmarks that come from somewhere else: no model runs.

python drawing_only.py OUTPUT.png
"""

import sys

import cv2
import mediapipe as mp
import numpy as np
from mediapipe import solutions
from mediapipe.framework.formats import landmark_pb2

WIDTH, HEIGHT = 480, 360


def circle(count, radius, phase=0.0):
    return [
        (
            0.5 + radius * np.cos(phase + 2 * np.pi * i / count),
            0.5 + radius * np.sin(phase + 2 * np.pi * i / count),
            0.01 * i,
        )
        for i in range(count)
    ]


def draw_hand(image, points):
    hand_landmarks_proto = landmark_pb2.NormalizedLandmarkList()
    hand_landmarks_proto.landmark.extend(
        [landmark_pb2.NormalizedLandmark(x=x, y=y, z=z) for x, y, z in points]
    )
    solutions.drawing_utils.draw_landmarks(
        image,
        hand_landmarks_proto,
        solutions.hands.HAND_CONNECTIONS,
        solutions.drawing_styles.get_default_hand_landmarks_style(),
        solutions.drawing_styles.get_default_hand_connections_style(),
    )
    return hand_landmarks_proto


def draw_pose(image, points):
    landmark_subset = landmark_pb2.NormalizedLandmarkList()
    for i, (x, y, z) in enumerate(points):
        landmark = landmark_subset.landmark.add()
        landmark.x, landmark.y, landmark.z = x, y, z
        landmark.visibility = 0.2 if i % 7 == 0 else 0.9
    mp.solutions.drawing_utils.draw_landmarks(
        image,
        landmark_list=landmark_subset,
        connections=mp.solutions.pose.POSE_CONNECTIONS,
        landmark_drawing_spec=mp.solutions.drawing_styles.get_default_pose_landmarks_style(),
    )
    return landmark_subset


def draw_face(image, points):
    face = landmark_pb2.NormalizedLandmarkList(
        landmark=[landmark_pb2.NormalizedLandmark(x=x, y=y, z=z) for x, y, z in points]
    )
    for connections, style in (
        (mp.solutions.face_mesh.FACEMESH_CONTOURS, "get_default_face_mesh_contours_style"),
        (mp.solutions.face_mesh.FACEMESH_IRISES, "get_default_face_mesh_iris_connections_style"),
    ):
        solutions.drawing_utils.draw_landmarks(
            image=image,
            landmark_list=face,
            connections=connections,
            landmark_drawing_spec=None,
            connection_drawing_spec=getattr(mp.solutions.drawing_styles, style)(),
        )
    return face


canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
hand = draw_hand(canvas, circle(21, 0.3))
pose = draw_pose(canvas, circle(33, 0.55, 0.4))
face = draw_face(canvas, circle(478, 0.2, 1.0))

copied = landmark_pb2.NormalizedLandmarkList()
copied.CopyFrom(hand)
print("equal", copied == hand, "points", len(hand.landmark), len(pose.landmark), len(face.landmark))
print(hand.landmark[3])
print([p.x for p in hand.landmark[1:4]])
pixel = solutions.drawing_utils._normalized_to_pixel_coordinates
print([pixel(p.x, p.y, WIDTH, HEIGHT) for p in pose.landmark[:12]])
print("drawn", int((canvas != 255).any(axis=2).sum()), int(canvas.sum()))
if len(sys.argv) > 1:
    cv2.imwrite(sys.argv[1], canvas)
