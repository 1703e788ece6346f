"""An old program that turns messages into JSON and back; writes, pickled, what came of it."""

import os
import pickle

OUT = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import mediapipe as mp  # noqa: F401 # what finds the formats
from google.protobuf import text_format
from google.protobuf.json_format import MessageToDict, MessageToJson, Parse, ParseDict, ParseError
from mediapipe.framework.formats import classification_pb2, detection_pb2, landmark_pb2

points = landmark_pb2.NormalizedLandmarkList()
points.landmark.add(x=0.1, y=1 / 3, z=-1e-8)
points.landmark.add(x=2.5, visibility=0.9)
points.landmark.add()
sides = classification_pb2.ClassificationList()
sides.classification.add(index=1, score=0.98, label="Left")
detection = detection_pb2.Detection(label_id=[0], score=[0.7654321], label=["a"], detection_id=7)
detection.location_data.format = 2
detection.location_data.relative_bounding_box.xmin = 0.25
detection.location_data.relative_keypoints.add(x=0.5, y=0.5, keypoint_label="eye")
detection.associated_detections.add(id=3, confidence=0.5)
odd = landmark_pb2.Landmark(x=float("nan"), y=float("inf"), z=float("-inf"))

out: dict[str, object] = {}
for message in (points, sides, detection, odd, landmark_pb2.LandmarkList()):
    kind = type(message)
    out[kind.__name__] = [
        MessageToDict(message),
        MessageToDict(message, preserving_proto_field_name=True),
        MessageToDict(message, use_integers_for_enums=True),
        MessageToJson(message),
        MessageToJson(message, indent=None, sort_keys=True),
        str(Parse(MessageToJson(message), kind())),
        str(ParseDict(MessageToDict(message), kind())),
        text_format.MessageToString(message),
        str(text_format.Parse(text_format.MessageToString(message), kind())),
    ]
for text in (
    '{"nose": 1}',
    "[",
    '{"landmark": [{"x": "a"}]}',
    '{"landmark": 1}',
    '{"landmark": null}',
):
    try:
        out[text] = str(Parse(text, landmark_pb2.NormalizedLandmarkList()))
    except ParseError as error:
        out[text] = type(error).__name__
out["ignored"] = str(
    Parse('{"nose": 1}', landmark_pb2.NormalizedLandmarkList(), ignore_unknown_fields=True)
)
# Not equal to itself is a number that is none: as text.
OUT.write(pickle.dumps({key: repr(value) for key, value in out.items()}))
OUT.close()
