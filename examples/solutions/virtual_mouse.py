"""A mouse moved by the tip of the index finger; a pinch clicks. Here it prints what it would do.

python virtual_mouse.py VIDEO
"""

import sys

import cv2
import numpy as np
from mediapipe.python.solutions.hands import HandLandmark, Hands

SCREEN_W, SCREEN_H = 1920, 1080
FRAME_R = 40
SMOOTHENING = 5
PINCH = 0.12


class Screen:
    """Where pyautogui would be."""

    def moveTo(self, x, y):
        print(f"move {x:.1f} {y:.1f}")

    def click(self):
        print("click")


pyautogui = Screen()
cap = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
hands = Hands(max_num_hands=1, min_detection_confidence=0.6, min_tracking_confidence=0.6)
plocX, plocY = 0, 0
pressed = False

while True:
    ok, img = cap.read()
    if not ok:
        break
    hCam, wCam, _ = img.shape
    # A view that runs backwards: what a camera's mirror shows.
    results = hands.process(img[:, ::-1, ::-1])
    if results.multi_hand_landmarks is None:
        pressed = False
        print("lost")
        continue
    hand = results.multi_hand_landmarks[0].landmark
    index = hand[HandLandmark.INDEX_FINGER_TIP]
    thumb = hand[HandLandmark.THUMB_TIP]
    wrist = hand[HandLandmark.WRIST]
    knuckle = hand[HandLandmark.MIDDLE_FINGER_MCP]
    x3 = np.interp(index.x * wCam, (FRAME_R, wCam - FRAME_R), (0, SCREEN_W))
    y3 = np.interp(index.y * hCam, (FRAME_R, hCam - FRAME_R), (0, SCREEN_H))
    clocX = plocX + (x3 - plocX) / SMOOTHENING
    clocY = plocY + (y3 - plocY) / SMOOTHENING
    pyautogui.moveTo(clocX, clocY)
    plocX, plocY = clocX, clocY
    palm = np.hypot(wrist.x - knuckle.x, wrist.y - knuckle.y)
    pinched = np.hypot(index.x - thumb.x, index.y - thumb.y) < PINCH * palm * 4
    if pinched and not pressed:
        pyautogui.click()
    pressed = pinched
hands.close()
