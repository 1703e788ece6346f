"""An old program: solutions over frames; writes what they found to standard output, pickled.

Words: a .npz of frames, then `noise` to see each with a grey level more or less, and how
often: each time from the beginning.
"""

import io
import os
import pickle
import sys

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp
import numpy as np

solutions = mp.solutions
FRAMES = np.load(sys.argv[1])
NOISE = sys.argv[2:3] == ["noise"]
TIMES = int(sys.argv[3]) if sys.argv[3:] else 1
RANDOM = np.random.default_rng(7)


def seen(frame):
    """Return a frame, with noise if that is requested."""
    if not NOISE:
        return frame
    change = RANDOM.integers(-1, 2, frame.shape)
    return np.clip(frame.astype(np.int16) + change, 0, 255).astype(np.uint8)


def points(landmarks):
    """Return a landmark list as (n, 4)."""
    if landmarks is None:
        return None
    return np.array([(p.x, p.y, p.z, p.visibility) for p in landmarks.landmark])


def faces(result):
    """Return the faces of a result."""
    return [points(landmarks) for landmarks in result.multi_face_landmarks or []]


def hands(result):
    """Return the hands of a result with their labels."""
    if not result.multi_hand_landmarks:
        return []
    return [
        (points(landmarks), points(world), side.classification[0].label)
        for landmarks, world, side in zip(
            result.multi_hand_landmarks,
            result.multi_hand_world_landmarks,
            result.multi_handedness,
        )
    ]


def pose(result):
    """Return the person of a result."""
    return points(result.pose_landmarks), result.segmentation_mask


def whole(result):
    """Return the parts of a person of a result."""
    return [
        points(result.pose_landmarks),
        points(result.face_landmarks),
        points(result.left_hand_landmarks),
        points(result.right_hand_landmarks),
    ]


def boxes(result):
    """Return the detections of a result."""
    rows = []
    for detection in result.detections or []:
        box = detection.location_data.relative_bounding_box
        keys = [(p.x, p.y) for p in detection.location_data.relative_keypoints]
        rows.append((detection.score[0], (box.xmin, box.ymin, box.width, box.height), keys))
    return rows


def mask(result):
    """Return the mask of a result."""
    return result.segmentation_mask


CASES = {
    "face": (solutions.face_mesh.FaceMesh, faces),
    "face_still": (lambda: solutions.face_mesh.FaceMesh(True, 2), faces),
    "face_refined": (
        lambda: solutions.face_mesh.FaceMesh(max_num_faces=2, refine_landmarks=True),
        faces,
    ),
    "face_refined_still": (lambda: solutions.face_mesh.FaceMesh(True, 1, True), faces),
    "hands": (solutions.hands.Hands, hands),
    "hands_still": (lambda: solutions.hands.Hands(static_image_mode=True), hands),
    "hands_one": (lambda: solutions.hands.Hands(max_num_hands=1), hands),
    "pose": (solutions.pose.Pose, pose),
    "pose_still": (lambda: solutions.pose.Pose(static_image_mode=True), pose),
    "pose_lite": (lambda: solutions.pose.Pose(model_complexity=0), pose),
    "pose_heavy": (lambda: solutions.pose.Pose(model_complexity=2), pose),
    "pose_lite_still": (lambda: solutions.pose.Pose(True, 0), pose),
    "pose_heavy_still": (lambda: solutions.pose.Pose(True, 2), pose),
    "pose_mask_still": (
        lambda: solutions.pose.Pose(static_image_mode=True, enable_segmentation=True),
        pose,
    ),
    "pose_mask": (lambda: solutions.pose.Pose(enable_segmentation=True), pose),
    "holistic": (lambda: solutions.holistic.Holistic(refine_face_landmarks=True), whole),
    "holistic_still": (
        lambda: solutions.holistic.Holistic(True, refine_face_landmarks=True),
        whole,
    ),
    "detection": (solutions.face_detection.FaceDetection, boxes),
    "detection_far": (
        lambda: solutions.face_detection.FaceDetection(
            min_detection_confidence=0.4, model_selection=1
        ),
        boxes,
    ),
    "selfie": (solutions.selfie_segmentation.SelfieSegmentation, mask),
    "selfie_wide": (lambda: solutions.selfie_segmentation.SelfieSegmentation(1), mask),
}

# It follows face and hands in stills, too.
FOLLOWING = ("holistic_still",)

out: dict[str, list[object]] = {}
for key in FRAMES.files:
    name = key.partition("@")[0]
    make, read = CASES[name]
    with make() as solution:
        out[key] = []
        for time in range(TIMES):
            if time and (len(FRAMES[key]) > 1 or name in FOLLOWING):
                solution.reset()
            out[key] += [read(solution.process(seen(frame))) for frame in FRAMES[key]]
stream = io.BytesIO()
pickle.dump(out, stream)
OUT.write(stream.getvalue())
OUT.close()
