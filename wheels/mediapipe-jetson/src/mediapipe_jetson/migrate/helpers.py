"""What migrated code needs beside MediaPipe Tasks: small functions, written into its own file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

IMPORTS = {
    "mp": "import mediapipe as mp",
    "np": "import numpy as np",
    "os": "import os",
    "zipfile": "import zipfile",
    "dataclasses": "import dataclasses",
    "vision": "from mediapipe.tasks.python import vision",
    "BoundingBox": (
        "from mediapipe.tasks.python.components.containers.bounding_box import BoundingBox"
    ),
    "NormalizedLandmark": (
        "from mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark"
    ),
    "Landmark": "from mediapipe.tasks.python.components.containers.landmark import Landmark",
    "HandLandmark": "from mediapipe.tasks.python.vision.hand_landmarker import HandLandmark",
}
MODULES = {"mp": "mediapipe", "np": "numpy", "os": "os", "zipfile": "zipfile"}
MODULES["dataclasses"] = "dataclasses"


@dataclass(frozen=True)
class Helper:
    """A function; `imports` and `helpers` are what it needs itself."""

    text: str
    imports: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()


HELPERS = {
    "to_image": Helper(
        '''
def {to_image}(rgb):
    """Return an RGB picture, (height, width, 3) of uint8, as MediaPipe Tasks take it."""
    return {mp}.Image(image_format={mp}.ImageFormat.SRGB, data={np}.ascontiguousarray(rgb))
''',
        ("mp", "np"),
    ),
    "next_ms": Helper(
        '''
def {next_ms}(task):
    """Return the time of a task's next frame in ms: 30 frames a second, as in mp.solutions."""
    task.frames = getattr(task, "frames", -1) + 1
    return task.frames * 1000 // 30
''',
    ),
    "keep_mode": Helper(
        '''
def {keep_mode}(task, static_image_mode):
    """Return a task that knows whether it is for single pictures."""
    task.static_image_mode = static_image_mode
    return task
''',
    ),
    "detect_next": Helper(
        '''
def {detect_next}(task, image):
    """Return what a task finds in a picture, or in the next frame of a video."""
    if task.static_image_mode:
        return task.detect(image)
    return task.detect_for_video(image, {next_ms}(task))
''',
        helpers=("next_ms",),
    ),
    "detect_frame": Helper(
        '''
def {detect_frame}(task, image):
    """Return what a task finds in the next frame of a video."""
    return task.detect_for_video(image, {next_ms}(task))
''',
        helpers=("next_ms",),
    ),
    "hand_side": Helper(
        '''
def {hand_side}(category):
    """Return a hand's side as mp.solutions named it: MediaPipe Tasks name the other one."""
    return "Left" if category.category_name == "Right" else "Right"
''',
    ),
    "mask_array": Helper(
        '''
def {mask_array}(mask):
    """Return a mask of MediaPipe Tasks as an array, (height, width) of float32; None for None."""
    return None if mask is None else mask.numpy_view().reshape(mask.height, mask.width).copy()
''',
    ),
    "detect_faces": Helper(
        '''
def {detect_faces}(detector, rgb):
    """Return the faces that a detector finds, with boxes as parts of the picture's size."""
    result = detector.detect({to_image}(rgb))
    height, width = rgb.shape[:2]
    for detection in result.detections:
        box = detection.bounding_box
        detection.bounding_box = {BoundingBox}(
            box.origin_x / width, box.origin_y / height, box.width / width, box.height / height
        )
    return result
''',
        ("BoundingBox",),
        ("to_image",),
    ),
    "draw_face": Helper(
        '''
def {draw_face}(image, detection, *specs, **named):
    """Draw a face whose box is given as parts of the picture's size."""
    height, width = image.shape[:2]
    box = detection.bounding_box
    pixels = {BoundingBox}(
        round(box.origin_x * width),
        round(box.origin_y * height),
        round(box.width * width),
        round(box.height * height),
    )
    detection = {dataclasses}.replace(detection, bounding_box=pixels)
    {vision}.drawing_utils.draw_detection(image, detection, *specs, **named)
''',
        ("BoundingBox", "dataclasses", "vision"),
    ),
    "model_part": Helper(
        '''
def {model_part}(bundle, name):
    """Return a model that is packed in a bundle."""
    with {zipfile}.ZipFile({os}.path.join({MODEL_FOLDER}, bundle)) as archive:
        return archive.read(name)
''',
        ("os", "zipfile"),
        ("MODEL_FOLDER",),
    ),
    "face_model": Helper(
        '''
def {face_model}(model_selection):
    """Return the model that finds near faces, or far ones too."""
    if not model_selection:
        return {model_part}("face_landmarker.task", "face_detector.tflite")
    path = {os}.path.join({MODEL_FOLDER}, "face_detection_full_range_sparse.tflite")
    with open(path, "rb") as model:
        return model.read()
''',
        ("os",),
        ("MODEL_FOLDER", "model_part"),
    ),
    "connection_pairs": Helper(
        '''
def {connection_pairs}(connections):
    """Return connections of MediaPipe Tasks as pairs of numbers."""
    return frozenset((one.start, one.end) for one in connections)
''',
    ),
    "as_connections": Helper(
        '''
def {as_connections}(pairs):
    """Return pairs of numbers as connections of MediaPipe Tasks."""
    return [{vision}.FaceLandmarksConnections.Connection(*pair) for pair in pairs or ()]
''',
        ("vision",),
    ),
    "new_landmark": Helper(
        '''
def {new_landmark}(x=0.0, y=0.0, z=0.0, visibility=None, presence=None):
    """Return a landmark of MediaPipe Tasks."""
    return {NormalizedLandmark}(x, y, z, visibility, presence)
''',
        ("NormalizedLandmark",),
    ),
    "add_landmark": Helper(
        '''
def {add_landmark}(landmarks, **fields):
    """Add a landmark to a list and return it."""
    landmarks.append({new_landmark}(**fields))
    return landmarks[-1]
''',
        helpers=("new_landmark",),
    ),
    "copy_landmarks": Helper(
        '''
def {copy_landmarks}(landmarks, others):
    """Replace what a list of landmarks holds by copies of others."""
    landmarks[:] = [{dataclasses}.replace(one) for one in others]
''',
        ("dataclasses",),
    ),
    "landmark_dict": Helper(
        '''
def {landmark_dict}(landmark, *more):
    """Return a landmark as MessageToDict gave it, with numbers of 32 bits."""
    names = ("x", "y", "z", *more)
    return {{name: float(str({np}.float32(getattr(landmark, name)))) for name in names}}
''',
        ("np",),
    ),
    "landmarks_dict": Helper(
        '''
def {landmarks_dict}(landmarks, *more):
    """Return landmarks as MessageToDict gave them."""
    return {{"landmark": [{landmark_dict}(one, *more) for one in landmarks]}}
''',
        helpers=("landmark_dict",),
    ),
    "sides_dict": Helper(
        '''
def {sides_dict}(categories):
    """Return a hand's side as MessageToDict gave it."""
    scores = [float(str({np}.float32(one.score))) for one in categories]
    return {{
        "classification": [
            {{"index": one.index, "score": score, "label": {hand_side}(one)}}
            for one, score in zip(categories, scores)
        ]
    }}
''',
        ("np",),
        ("hand_side",),
    ),
    "found": Helper(
        '''
def {found}(landmarks, error=AttributeError):
    """Return landmarks; where there are none, fail as mp.solutions' None did."""
    if not landmarks:
        raise error("nothing was found")
    return landmarks
''',
    ),
    "MODEL_FOLDER": Helper(
        """
{models}
{MODEL_FOLDER} = {os}.environ.get("MEDIAPIPE_JETSON_MODELS") or "/opt/mediapipe/models"
""",
        ("os",),
    ),
}


def closed(names: Iterable[str]) -> list[str]:
    """Return helpers and those that they need, in the table's order."""
    requested, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in requested:
            requested.add(name)
            waiting += HELPERS[name].helpers
    order = ["MODEL_FOLDER", *(name for name in HELPERS if name != "MODEL_FOLDER")]
    return [name for name in order if name in requested]


def imports_of(names: Iterable[str]) -> list[str]:
    """Return the imports that helpers need."""
    needed = {item for name in names for item in HELPERS[name].imports}
    return [item for item in IMPORTS if item in needed]
