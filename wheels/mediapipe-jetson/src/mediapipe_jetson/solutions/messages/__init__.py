"""MediaPipe's landmark, classification and detection messages without protobuf.

Written to landmark.proto, classification.proto, detection.proto and location_data.proto of
MediaPipe 0.10.21. The classes carry the module names of the legacy package, so that what old
programs have pickled can be read and what is pickled here can be read there.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mediapipe_jetson.solutions.messages.enum_wrapper import EnumWrapper
from mediapipe_jetson.solutions.messages.fields import (
    ENUM,
    FLOAT,
    INT32,
    INT64,
    MESSAGE,
    REPEATED,
    STRING,
    Descriptor,
    EnumType,
    EnumValue,
    Field,
)
from mediapipe_jetson.solutions.messages.message import Message, field_property

FORMATS = "mediapipe.framework.formats"


def _message(module: str, full_name: str, *fields: Field) -> Any:  # noqa: ANN401 # a new class
    """Return a message class; `module` is the one of the legacy package without _pb2."""
    name = full_name.rpartition(".")[2]
    file = SimpleNamespace(name=f"mediapipe/framework/formats/{module}.proto", package="mediapipe")
    content: dict[str, Any] = {field.name: field_property(field) for field in fields}
    content |= {f"{field.name.upper()}_FIELD_NUMBER": field.number for field in fields}
    content["DESCRIPTOR"] = Descriptor(full_name, fields, file)
    content["__slots__"] = ()
    content["__module__"] = f"{FORMATS}.{module}_pb2"
    content["__qualname__"] = full_name.partition(".")[2]
    return type(name, (Message,), content)


def _floats(*names: str) -> tuple[Field, ...]:
    return tuple(Field(number, name, FLOAT) for number, name in enumerate(names, 1))


def _list_of(module: str, full_name: str, field: str, kind: Any) -> Any:  # noqa: ANN401
    return _message(module, full_name, Field(1, field, MESSAGE, REPEATED, lambda: kind))


_POINT = ("x", "y", "z", "visibility", "presence")
Landmark = _message("landmark", "mediapipe.Landmark", *_floats(*_POINT))
NormalizedLandmark = _message("landmark", "mediapipe.NormalizedLandmark", *_floats(*_POINT))
LandmarkList = _list_of("landmark", "mediapipe.LandmarkList", "landmark", Landmark)
NormalizedLandmarkList = _list_of(
    "landmark", "mediapipe.NormalizedLandmarkList", "landmark", NormalizedLandmark
)
LandmarkListCollection = _list_of(
    "landmark", "mediapipe.LandmarkListCollection", "landmark_list", LandmarkList
)
NormalizedLandmarkListCollection = _list_of(
    "landmark",
    "mediapipe.NormalizedLandmarkListCollection",
    "landmark_list",
    NormalizedLandmarkList,
)

Classification = _message(
    "classification",
    "mediapipe.Classification",
    Field(1, "index", INT32),
    Field(2, "score", FLOAT),
    Field(3, "label", STRING),
    Field(4, "display_name", STRING),
)
ClassificationList = _list_of(
    "classification", "mediapipe.ClassificationList", "classification", Classification
)
ClassificationListCollection = _list_of(
    "classification",
    "mediapipe.ClassificationListCollection",
    "classification_list",
    ClassificationList,
)

_FORMAT = EnumType(
    "mediapipe.LocationData.Format",
    tuple(
        EnumValue(name, number)
        for number, name in enumerate(("GLOBAL", "BOUNDING_BOX", "RELATIVE_BOUNDING_BOX", "MASK"))
    ),
)
_BOX = ("xmin", "ymin", "width", "height")
_BoundingBox = _message(
    "location_data",
    "mediapipe.LocationData.BoundingBox",
    *(Field(number, name, INT32) for number, name in enumerate(_BOX, 1)),
)
_RelativeBoundingBox = _message(
    "location_data", "mediapipe.LocationData.RelativeBoundingBox", *_floats(*_BOX)
)
_RelativeKeypoint = _message(
    "location_data",
    "mediapipe.LocationData.RelativeKeypoint",
    Field(1, "x", FLOAT),
    Field(2, "y", FLOAT),
    Field(3, "keypoint_label", STRING),
    Field(4, "score", FLOAT),
)
LocationData = _message(
    "location_data",
    "mediapipe.LocationData",
    Field(1, "format", ENUM, enum_type=_FORMAT),
    Field(2, "bounding_box", MESSAGE, kind=lambda: _BoundingBox),
    Field(3, "relative_bounding_box", MESSAGE, kind=lambda: _RelativeBoundingBox),
    Field(5, "relative_keypoints", MESSAGE, REPEATED, lambda: _RelativeKeypoint),
)
LocationData.Format = EnumWrapper(LocationData, _FORMAT)
LocationData.BoundingBox = _BoundingBox
LocationData.RelativeBoundingBox = _RelativeBoundingBox
LocationData.RelativeKeypoint = _RelativeKeypoint
for _value in _FORMAT.values:
    setattr(LocationData, _value.name, _value.number)

_AssociatedDetection = _message(
    "detection",
    "mediapipe.Detection.AssociatedDetection",
    Field(1, "id", INT32),
    Field(2, "confidence", FLOAT),
)
Detection = _message(
    "detection",
    "mediapipe.Detection",
    Field(1, "label", STRING, REPEATED),
    Field(2, "label_id", INT32, REPEATED),
    Field(3, "score", FLOAT, REPEATED),
    Field(4, "location_data", MESSAGE, kind=lambda: LocationData),
    Field(5, "feature_tag", STRING),
    Field(6, "track_id", STRING),
    Field(7, "detection_id", INT64),
    Field(8, "associated_detections", MESSAGE, REPEATED, lambda: _AssociatedDetection),
    Field(9, "display_name", STRING, REPEATED),
    Field(10, "timestamp_usec", INT64),
)
Detection.AssociatedDetection = _AssociatedDetection
DetectionList = _list_of("detection", "mediapipe.DetectionList", "detection", Detection)

MODULES = {
    "landmark_pb2": (
        Landmark,
        NormalizedLandmark,
        LandmarkList,
        NormalizedLandmarkList,
        LandmarkListCollection,
        NormalizedLandmarkListCollection,
    ),
    "classification_pb2": (Classification, ClassificationList, ClassificationListCollection),
    "detection_pb2": (Detection, DetectionList),
    "location_data_pb2": (LocationData,),
}
"""The legacy package's modules in mediapipe.framework.formats and the classes in each."""
