"""Hands in pictures: which, where, drawn onto copies.

python annotate_pictures.py PICTURE... [--into FOLDER]
"""

import copy
import os
import sys

import cv2
import mediapipe as mp

mp_drawing = mp.solutions.drawing_utils
mp_drawing_styles = mp.solutions.drawing_styles
mp_hands = mp.solutions.hands

words = sys.argv[1:]
folder = words[words.index("--into") + 1] if "--into" in words else None
IMAGE_FILES = words[: words.index("--into")] if folder else words

with mp_hands.Hands(static_image_mode=True, max_num_hands=2, min_detection_confidence=0.5) as hands:
    for idx, file in enumerate(IMAGE_FILES):
        image = cv2.flip(cv2.imread(file), 1)
        results = hands.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        print("Handedness:", results.multi_handedness)
        if not results.multi_hand_landmarks:
            continue
        image_height, image_width, _ = image.shape
        annotated_image = image.copy()
        for hand_landmarks in results.multi_hand_landmarks:
            tip = hand_landmarks.landmark[mp_hands.HandLandmark.INDEX_FINGER_TIP]
            print(f"Index finger tip: ({tip.x * image_width:.1f}, {tip.y * image_height:.1f})")
            mp_drawing.draw_landmarks(
                annotated_image,
                hand_landmarks,
                mp_hands.HAND_CONNECTIONS,
                mp_drawing_styles.get_default_hand_landmarks_style(),
                mp_drawing_styles.get_default_hand_connections_style(),
            )
            mirrored = copy.deepcopy(hand_landmarks)
            for landmark in mirrored.landmark:
                landmark.x = 1 - landmark.x
            print("Mirrored wrist:", f"{mirrored.landmark[0].x:.3f}", mirrored == hand_landmarks)
        if folder:
            cv2.imwrite(
                os.path.join(folder, f"annotated_image{idx}.png"), cv2.flip(annotated_image, 1)
            )
        for hand_world_landmarks in results.multi_hand_world_landmarks:
            wrist = hand_world_landmarks.landmark[mp_hands.HandLandmark.WRIST]
            print(f"Wrist: {wrist.x:.4f} {wrist.y:.4f} {wrist.z:.4f} m")
