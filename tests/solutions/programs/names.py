"""An old program that uses names with an underscore, enumerations, and NumPy's numbers.

Word: a .npz with `picture` (height, width, 3). Writes, pickled, what came of it.
"""

import os
import pickle
import sys
from copy import deepcopy

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp
import numpy as np
from mediapipe.framework.formats import landmark_pb2, location_data_pb2
from mediapipe.python.solutions import download_utils  # noqa: F401 # it can be imported
from mediapipe.python.solutions import drawing_styles as styles
from mediapipe.python.solutions import drawing_utils as drawing
from mediapipe.python.solutions.drawing_styles import (
    _FACEMESH_CONTOURS_CONNECTION_STYLE,
    _HAND_CONNECTION_STYLE,
    _HAND_LANDMARK_STYLE,
    _POSE_LANDMARKS_LEFT,
    _POSE_LANDMARKS_RIGHT,
    _THICKNESS_DOT,
)

solutions = mp.solutions
PICTURE = np.load(sys.argv[1])["picture"]


def attempt(action):
    """Return what was returned, or the error's name and message."""
    try:
        return repr(action())
    except Exception as error:
        return type(error).__name__, str(error)


def named(action):
    """Return which built-in error came, if one did."""
    try:
        action()
    except Exception as error:
        return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")
    return None


def shown(style):
    """Return a style, or a table of them, in plain values."""
    if isinstance(style, drawing.DrawingSpec):
        return style.color, style.thickness, style.circle_radius
    return [(sorted(k) if isinstance(k, frozenset) else k, shown(v)) for k, v in style.items()]


def plain(value):
    """Return it without enumerations, whose classes are pickled by other names."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, int) else value


def all_styles():
    """Return every default style."""
    return plain(
        [
            shown(styles.get_default_hand_landmarks_style()),
            sorted(shown(styles.get_default_hand_connections_style())),
            sorted(shown(styles.get_default_pose_landmarks_style())),
            *(sorted(shown(styles.get_default_face_mesh_contours_style(i))) for i in (0, 1, 7)),
            sorted(shown(styles.get_default_face_mesh_iris_connections_style())),
            shown(styles.get_default_face_mesh_tesselation_style()),
        ]
    )


def own_styles():
    """Return the tables and numbers, and what comes of changing them."""
    tables = [shown(_HAND_LANDMARK_STYLE), shown(_HAND_CONNECTION_STYLE)]
    tables.append(shown(_FACEMESH_CONTOURS_CONNECTION_STYLE))
    tables.append(shown(styles._FACEMESH_CONTOURS_CONNECTION_STYLE_1))
    sides = [sorted(_POSE_LANDMARKS_LEFT), sorted(_POSE_LANDMARKS_RIGHT)]
    fingers = [
        getattr(styles, f"_{finger}_FINGER_LANDMARKS") for finger in ("INDEX", "MIDDLE", "RING")
    ]
    fingers += [styles._PINKY_FINGER_LANDMARKS, styles._THUMP_LANDMARKS, styles._PALM_LANDMARKS]
    numbers = {
        name: getattr(styles, name)
        for name in dir(styles)
        if name.startswith(("_THICKNESS_", "_RADIUS"))
    }
    before = all_styles()
    copied = deepcopy(_HAND_LANDMARK_STYLE)
    for spec in copied.values():
        spec.color = (1, 2, 3)
    after_copy = all_styles()
    for spec in _HAND_LANDMARK_STYLE.values():
        spec.circle_radius = 9
    styles._RADIUS = 2
    styles._THICKNESS_POSE_LANDMARKS = 7
    styles._THICKNESS_CONTOURS = 6
    styles._THICKNESS_TESSELATION = 4
    return {
        "tables": plain(tables),
        "landmarks": plain([*sides, *fingers]),
        "numbers": [_THICKNESS_DOT, numbers],
        "defaults": before,
        "copied": after_copy == before,
        "changed": all_styles(),
        "color": drawing._normalize_color((255, 0, 51)),
    }


def enumerations():
    """Return what the enumeration of formats and a message's descriptor say."""
    kind = location_data_pb2.LocationData.Format
    landmark = landmark_pb2.NormalizedLandmark(x=1, visibility=0.5)
    return [
        kind.RELATIVE_BOUNDING_BOX,
        kind.keys(),
        kind.values(),
        kind.items(),
        kind.Name(1),
        kind.Value("MASK"),
        kind.DESCRIPTOR.name,
        attempt(lambda: kind.Name(9)),
        attempt(lambda: kind.Name("MASK")),
        attempt(lambda: kind.Value("x")),
        attempt(lambda: kind.NONE),
        [(field.name, field.index) for field, _ in landmark.ListFields()],
        attempt(lambda: landmark.WhichOneof("q")),
        landmark.FindInitializationErrors(),
        landmark.DiscardUnknownFields(),
        "solutions" in dir(mp),
        attempt(lambda: solutions.nothing),
        drawing.landmark_pb2.NormalizedLandmark is landmark_pb2.NormalizedLandmark,
    ]


def arguments():
    """Return which kinds of numbers are taken, and what is found with them."""
    hands, faces = solutions.hands.Hands, solutions.face_mesh.FaceMesh
    makers = {
        "count": lambda: faces(max_num_faces=np.int64(2)),
        "byte": lambda: faces(max_num_faces=np.uint8(1)),
        "single": lambda: faces(min_detection_confidence=np.float32(0.5)),
        "whole": lambda: faces(min_tracking_confidence=np.int64(0)),
        "none": lambda: faces(min_detection_confidence=None, min_tracking_confidence=None),
        "complexity": lambda: solutions.pose.Pose(model_complexity=np.int32(1)),
        "truth": lambda: hands(max_num_hands=np.bool_(True), model_complexity=True),
        "an array": lambda: hands(model_complexity=np.array(1)),
        "mode": lambda: hands(static_image_mode=np.bool_(True)),
    }
    refused = {
        "no count": lambda: hands(max_num_hands=None),
        "half": lambda: hands(max_num_hands=np.float32(2)),
        "text": lambda: faces(min_detection_confidence="0.5"),
        "bytes": lambda: faces(min_tracking_confidence=b"1"),
        "list": lambda: faces(min_detection_confidence=[0.5]),
        "half a complexity": lambda: hands(model_complexity=0.5),
        "a whole half": lambda: solutions.pose.Pose(model_complexity=1.0),
        "no complexity": lambda: solutions.holistic.Holistic(model_complexity=None),
        "a complexity as a text": lambda: hands(model_complexity="1"),
        "a selection": lambda: solutions.selfie_segmentation.SelfieSegmentation(0.5),
        "a great complexity": lambda: solutions.pose.Pose(model_complexity=2**40),
        "a great count": lambda: hands(max_num_hands=2**31),
        "many": lambda: faces(min_detection_confidence=np.array([0.5, 0.5])),
    }
    result = {
        name: named(lambda make=make: make().process(PICTURE)) for name, make in makers.items()
    }
    result |= {name: named(make) for name, make in refused.items()}
    with makers["none"]() as solution:
        output = solution.process(PICTURE)
        result["found"] = len(output.multi_face_landmarks)
        result["shown"] = str(output)
    return result


parts = {"styles": own_styles, "enumerations": enumerations, "arguments": arguments}
OUT.write(pickle.dumps({name: part() for name, part in parts.items()}))
OUT.close()
