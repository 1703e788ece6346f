"""Blurs faces in a video.

python face_blur.py VIDEO [OUTPUT.avi]
"""

import sys

import cv2
import mediapipe as mp

mp_face_detection = mp.solutions.face_detection


def process_img(img, face_detection):
    H, W, _ = img.shape
    out = face_detection.process(cv2.cvtColor(img, cv2.COLOR_BGR2RGB))
    boxes = []
    if out.detections is not None:
        for detection in out.detections:
            bbox = detection.location_data.relative_bounding_box
            x1, y1, w, h = bbox.xmin, bbox.ymin, bbox.width, bbox.height
            nose = mp_face_detection.get_key_point(
                detection, mp_face_detection.FaceKeyPoint.NOSE_TIP
            )
            print(
                f"  box {x1:.4f} {y1:.4f} {w:.4f} {h:.4f} score {detection.score[0]:.3f}"
                f" id {detection.label_id[0]} nose {nose.x:.4f} {nose.y:.4f}"
                f" keys {len(detection.location_data.relative_keypoints)}"
            )
            boxes.append([max(0, int(x1 * W)), max(0, int(y1 * H)), int(w * W), int(h * H)])
    for x1, y1, w, h in boxes:
        img[y1 : y1 + h, x1 : x1 + w, :] = cv2.blur(img[y1 : y1 + h, x1 : x1 + w, :], (30, 30))
    return img, len(boxes)


with mp_face_detection.FaceDetection(
    model_selection=0, min_detection_confidence=0.5
) as face_detection:
    cap = cv2.VideoCapture(sys.argv[1] if len(sys.argv) > 1 else 0)
    ret, frame = cap.read()
    output_video = None
    if len(sys.argv) > 2:
        output_video = cv2.VideoWriter(
            sys.argv[2],
            cv2.VideoWriter_fourcc(*"FFV1"),
            25,
            (frame.shape[1], frame.shape[0]),
        )
    number = 0
    while ret:
        number += 1
        print("frame", number)
        frame, faces = process_img(frame, face_detection)
        print("  blurred", faces)
        if output_video:
            output_video.write(frame)
        ret, frame = cap.read()
    cap.release()
    if output_video:
        output_video.release()
