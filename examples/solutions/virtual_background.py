"""Puts another background behind a person.

python virtual_background.py VIDEO [OUTPUT.avi]
"""

import sys

import cv2
import mediapipe as mp
import numpy as np

mp_selfie_segmentation = mp.solutions.selfie_segmentation
BG_COLOR = (192, 192, 192)

bg_image = None
writer = None
number = 0
cap = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
with mp_selfie_segmentation.SelfieSegmentation(model_selection=1) as selfie_segmentation:
    while cap.isOpened():
        success, image = cap.read()
        if not success:
            break
        number += 1
        image = cv2.cvtColor(cv2.flip(image, 1), cv2.COLOR_BGR2RGB)
        image.flags.writeable = False
        results = selfie_segmentation.process(image)
        image.flags.writeable = True
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        condition = np.stack((results.segmentation_mask,) * 3, axis=-1) > 0.1
        if bg_image is None:
            bg_image = np.zeros(image.shape, dtype=np.uint8)
            bg_image[:] = BG_COLOR
        output_image = np.where(condition, image, bg_image)
        print(f"frame {number} {results.segmentation_mask.shape} person {condition.mean():.4f}")
        if len(sys.argv) > 2:
            if writer is None:
                fourcc = cv2.VideoWriter_fourcc(*"FFV1")
                writer = cv2.VideoWriter(sys.argv[2], fourcc, 25, output_image.shape[1::-1])
            writer.write(output_image)
cap.release()
if writer is not None:
    writer.release()
