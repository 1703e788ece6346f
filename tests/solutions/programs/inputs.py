"""An old program: what solutions say of odd inputs, messages, drawing; pickled to standard output.

Arguments: a .npz with `picture` (height, width, 3).
"""

import copy
import os
import pickle
import sys

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp
import numpy as np
from mediapipe.framework.formats import classification_pb2, detection_pb2, landmark_pb2
from mediapipe.framework.formats.location_data_pb2 import LocationData
from mediapipe.python.solutions import drawing_utils as drawing

solutions = mp.solutions
styles = solutions.drawing_styles
PICTURE = np.load(sys.argv[1])["picture"]


def attempt(action):
    """Return which built-in errors came and their messages, or the repr of what was returned."""
    try:
        return repr(action())
    except Exception as error:
        kinds = [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"]
        return kinds, str(error)


def named(action):
    """Return whether it raised which built-in error, without the message."""
    try:
        action()
    except Exception as error:
        return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")
    return None


def messages():
    """Return what messages do."""
    lists = landmark_pb2.NormalizedLandmarkList()
    first = lists.landmark.add(x=0.1, y=1 / 3, z=-1e-9)
    first.visibility = 0
    lists.landmark.add(x=5, y=123456789, z=1e20)
    lists.landmark.extend([landmark_pb2.NormalizedLandmark(x=0.5, presence=0.25)])
    copied = copy.deepcopy(lists)
    copied.landmark[0].x = 0.75
    other = landmark_pb2.NormalizedLandmarkList()
    other.CopyFrom(lists)
    other.landmark.append(landmark_pb2.NormalizedLandmark(y=2))
    sides = classification_pb2.ClassificationList()
    sides.classification.add(index=1, score=0.9, label='Le"ft\n\u00e9')
    detection = detection_pb2.Detection(label_id=[0], score=[0.5])
    location = detection.location_data
    location.format = LocationData.RELATIVE_BOUNDING_BOX
    location.relative_bounding_box.xmin = 0.25
    location.relative_keypoints.add(x=1, y=2)
    world = landmark_pb2.LandmarkList(landmark=[landmark_pb2.Landmark(x=1)])
    everything = [lists, copied, other, sides, detection, world]
    return {
        "texts": [str(message) for message in everything],
        "bytes": [message.SerializeToString() for message in everything],
        "again": [
            type(message).FromString(message.SerializeToString()) == message
            for message in everything
        ],
        "equal": [lists == copied, lists == copy.copy(lists), other == lists, lists == 3],
        "fields": [field.name for field, _ in first.ListFields()],
        "has": [first.HasField(name) for name in ("x", "visibility", "presence")],
        "reads": [first.x, first.presence, lists.landmark[-1].presence, len(lists.landmark)],
        "slices": [[p.x for p in lists.landmark[1:]], [p.x for p in lists.landmark[::-1]]],
        "refused": [
            attempt(lambda: setattr(first, "x", "a")),
            attempt(lambda: setattr(first, "q", 1)),
            attempt(lambda: hash(first)),
            attempt(lambda: len(lists)),
            attempt(lambda: lists.landmark[9]),
            attempt(lambda: lists.landmark.append(3)),
            attempt(lambda: landmark_pb2.NormalizedLandmark(q=1)),
            attempt(lambda: first.HasField("q")),
            attempt(lambda: lists.HasField("landmark")),
            attempt(lambda: setattr(lists, "landmark", [])),
            attempt(lambda: classification_pb2.Classification(index=1.5)),
            attempt(lambda: classification_pb2.Classification(index=2**40)),
            attempt(lambda: landmark_pb2.NormalizedLandmark.FromString(b"\x0d\x00")) != "",
        ],
        "pickled": [pickle.dumps(message) for message in everything],
    }


def inputs():
    """Return what process() raises for odd images."""
    images = {
        "none": None,
        "list": [1],
        "flat": PICTURE[:, :, 0],
        "four": np.zeros((9, 9, 4), np.uint8),
        "one": PICTURE[:, :, :1],
        "float": PICTURE.astype(np.float32),
        "short": PICTURE.astype(np.uint16),
        "text": "x",
    }
    out = {}
    with solutions.face_mesh.FaceMesh() as faces:
        for name, image in images.items():
            out[name] = attempt(lambda image=image: faces.process(image))
            # It lives on.
            out[f"after {name}"] = faces.process(PICTURE).multi_face_landmarks is not None
        out["strides"] = len(faces.process(PICTURE.copy()[:, ::-1]).multi_face_landmarks)
        locked = PICTURE.copy()
        locked.flags.writeable = False
        out["locked"] = len(faces.process(locked).multi_face_landmarks)
        out["still locked"] = locked.flags.writeable
        out["half"] = len(faces.process(PICTURE[::2, ::2]).multi_face_landmarks)
        out["bool"] = faces.process(PICTURE > 128).multi_face_landmarks is None
        first = faces.process(PICTURE)
        before = first.multi_face_landmarks[0].landmark[0].x
        faces.process(PICTURE[::2, ::2])
        out["kept"] = first.multi_face_landmarks[0].landmark[0].x == before
        first.note = 3
        out["class"] = [
            type(first).__name__,
            first.__name__,
            first._fields,
            first.note,
            type(first.multi_face_landmarks).__name__,
        ]
    out["closed"] = attempt(faces.close)
    out["process after close"] = attempt(lambda: faces.process(PICTURE))
    mask = solutions.selfie_segmentation.SelfieSegmentation().process(PICTURE).segmentation_mask
    out["mask"] = [mask.shape, str(mask.dtype), mask.flags.writeable]
    return out


def arguments():
    """Return what odd arguments raise."""
    make = solutions
    return {
        "unknown": named(lambda: make.face_mesh.FaceMesh(foo=1)),
        "many": named(lambda: make.hands.Hands(False, 2, 1, 0.5, 0.5, 3)),
        "text": named(lambda: make.face_mesh.FaceMesh(min_detection_confidence="a")),
        "half": named(lambda: make.face_mesh.FaceMesh(max_num_faces=1.5)),
        "no faces": named(lambda: make.face_mesh.FaceMesh(max_num_faces=0).process(PICTURE)),
        "no hands": make.hands.Hands(max_num_hands=0).process(PICTURE).multi_handedness,
        "no faces, none there": make.face_mesh.FaceMesh(max_num_faces=-1)
        .process(PICTURE[:9, :9])
        .multi_face_landmarks,
        "no hands, a palm there": [
            named(lambda s=still, n=count: make.hands.Hands(s, n, 1, 0.1).process(PICTURE))
            for still in (False, True)
            for count in (0, -1)
        ],
        "too sure": make.face_mesh.FaceMesh(min_detection_confidence=2)
        .process(PICTURE)
        .multi_face_landmarks,
    }


def landmarks(count, visible):
    """Return a landmark list of points in and about the picture."""
    random = np.random.default_rng(count)
    result = landmark_pb2.NormalizedLandmarkList()
    for x, y, seen in random.uniform(-0.05, 1.05, (count, 3)):
        result.landmark.add(x=x, y=y, **({"visibility": seen} if visible else {}))
    return result


def drawn(draw):
    """Return the picture with something drawn on it."""
    image = PICTURE.copy()
    draw(image)
    return image


def pictures():
    """Return drawings in every style."""
    mesh, hands, pose = solutions.face_mesh, solutions.hands, solutions.pose
    face, hand, body = landmarks(478, False), landmarks(21, False), landmarks(33, True)
    detection = detection_pb2.Detection()
    location = detection.location_data
    location.format = LocationData.RELATIVE_BOUNDING_BOX
    box = location.relative_bounding_box
    box.xmin, box.ymin, box.width, box.height = 0.1, 0.2, 0.3, 0.4
    location.relative_keypoints.add(x=0.5, y=0.5)
    spec = drawing.DrawingSpec(color=(9, 99, 200), thickness=1, circle_radius=4)
    return {
        "plain": drawn(lambda i: drawing.draw_landmarks(i, hand)),
        "hand": drawn(
            lambda i: drawing.draw_landmarks(
                i,
                hand,
                hands.HAND_CONNECTIONS,
                styles.get_default_hand_landmarks_style(),
                styles.get_default_hand_connections_style(),
            )
        ),
        "pose": drawn(
            lambda i: drawing.draw_landmarks(
                i,
                body,
                pose.POSE_CONNECTIONS,
                landmark_drawing_spec=styles.get_default_pose_landmarks_style(),
            )
        ),
        "mesh": drawn(
            lambda i: drawing.draw_landmarks(
                image=i,
                landmark_list=face,
                connections=mesh.FACEMESH_TESSELATION,
                landmark_drawing_spec=None,
                connection_drawing_spec=styles.get_default_face_mesh_tesselation_style(),
            )
        ),
        **{
            f"contours {kind}": drawn(
                lambda i, kind=kind: drawing.draw_landmarks(
                    i,
                    face,
                    mesh.FACEMESH_CONTOURS,
                    None,
                    styles.get_default_face_mesh_contours_style(kind),
                )
            )
            for kind in (0, 1)
        },
        "irises": drawn(
            lambda i: drawing.draw_landmarks(
                i,
                face,
                mesh.FACEMESH_IRISES,
                spec,
                styles.get_default_face_mesh_iris_connections_style(),
            )
        ),
        "points": drawn(lambda i: drawing.draw_landmarks(i, hand, None, spec, spec, False)),
        "detection": drawn(lambda i: drawing.draw_detection(i, detection, spec)),
        "axis": drawn(
            lambda i: drawing.draw_axis(i, np.eye(3), np.array([0.1, 0.05, -1.0]), (1.5, 1.5))
        ),
    }


def constants():
    """Return names, numbers, sets in their order, and signatures' defaults."""
    mesh = solutions.face_mesh_connections
    sets = {name: list(getattr(mesh, name)) for name in dir(mesh) if name.startswith("FACEMESH_")}
    sets["hand"] = list(solutions.hands.HAND_CONNECTIONS)
    sets["pose"] = list(solutions.pose.POSE_CONNECTIONS)
    enums = (
        solutions.hands.HandLandmark,
        solutions.pose.PoseLandmark,
        solutions.face_detection.FaceKeyPoint,
    )
    pixel = drawing._normalized_to_pixel_coordinates
    return {
        "sets": sets,
        "enums": [[(member.name, int(member)) for member in kind] for kind in enums],
        "styles": [
            sorted((int(k), v.color, v.thickness, v.circle_radius) for k, v in style.items())
            for style in (
                styles.get_default_hand_landmarks_style(),
                styles.get_default_pose_landmarks_style(),
            )
        ],
        "pixels": [pixel(x, y, 640, 480) for x, y in ((0, 0), (1, 1), (0.5, 2), (-1e-9, 0))],
        "numbers": (
            solutions.face_mesh.FACEMESH_NUM_LANDMARKS,
            solutions.face_mesh.FACEMESH_NUM_LANDMARKS_WITH_IRISES,
        ),
        "same": mp.solutions.hands is solutions.hands,
    }


parts = {
    "messages": messages,
    "inputs": inputs,
    "arguments": arguments,
    "pictures": pictures,
    "constants": constants,
}
OUT.write(pickle.dumps({name: part() for name, part in parts.items()}))
OUT.close()
