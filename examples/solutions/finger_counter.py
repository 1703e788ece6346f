"""Counts raised fingers: a hand detector class as many courses have it.

python finger_counter.py VIDEO [--show]
"""

import math
import sys

import cv2
import mediapipe as mp


class handDetector:
    def __init__(self, mode=False, maxHands=2, modelComplexity=1, detectionCon=0.5, trackCon=0.5):
        self.mode = mode
        self.maxHands = maxHands
        self.modelComplex = modelComplexity
        self.detectionCon = detectionCon
        self.trackCon = trackCon

        self.mpHands = mp.solutions.hands
        self.hands = self.mpHands.Hands(
            self.mode, self.maxHands, self.modelComplex, self.detectionCon, self.trackCon
        )
        self.mpDraw = mp.solutions.drawing_utils
        self.tipIds = [4, 8, 12, 16, 20]
        self.lmList = []

    def findHands(self, img, draw=True):
        imgRGB = cv2.cvtColor(img, cv2.COLOR_BGR2RGB)
        self.results = self.hands.process(imgRGB)
        if self.results.multi_hand_landmarks:
            for handLms in self.results.multi_hand_landmarks:
                if draw:
                    self.mpDraw.draw_landmarks(img, handLms, self.mpHands.HAND_CONNECTIONS)
        return img

    def findPosition(self, img, handNo=0):
        self.lmList = []
        if self.results.multi_hand_landmarks:
            myHand = self.results.multi_hand_landmarks[handNo]
            h, w, c = img.shape
            for id, lm in enumerate(myHand.landmark):
                self.lmList.append([id, int(lm.x * w), int(lm.y * h)])
        return self.lmList

    def handType(self, handNo=0):
        return self.results.multi_handedness[handNo].classification[0].label

    def fingersUp(self, handNo=0):
        fingers = []
        # The thumb is out when its tip is farther from the little finger than its last joint.
        fingers.append(1 if self.findDistance(4, 17) > self.findDistance(3, 17) else 0)
        for tip in self.tipIds[1:]:
            fingers.append(1 if self.lmList[tip][2] < self.lmList[tip - 2][2] else 0)
        return fingers

    def findDistance(self, p1, p2):
        x1, y1 = self.lmList[p1][1:]
        x2, y2 = self.lmList[p2][1:]
        return math.hypot(x2 - x1, y2 - y1)


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else 0
    show = "--show" in sys.argv
    cap = cv2.VideoCapture(source)
    detector = handDetector(detectionCon=0.7)
    frame = 0
    while True:
        success, img = cap.read()
        if not success:
            break
        frame += 1
        img = cv2.flip(img, 1)
        img = detector.findHands(img, draw=show)
        found = len(detector.results.multi_hand_landmarks or [])
        for handNo in range(found):
            detector.findPosition(img, handNo)
            fingers = detector.fingersUp(handNo)
            side = detector.handType(handNo)
            span = detector.findDistance(4, 20)
            print(f"frame {frame} {side} fingers {fingers.count(1)} {fingers} span {span:.1f}")
        if not found:
            print(f"frame {frame} no hands")
        if show:
            cv2.imshow("Image", img)
            cv2.waitKey(1)


if __name__ == "__main__":
    main()
