"""What MediaPipe's tests import and its newer wheels lack: the messages of expected values.

The wheels from 1.0 carry the tests without the modules of MediaPipe's protocol buffers. Only the
fields that the tests of the landmarkers read are declared; numbers and types are those of
mediapipe/framework/formats/{landmark,classification}.proto and
mediapipe/tasks/cc/components/containers/proto/landmarks_detection_result.proto.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FORMATS = "mediapipe.framework.formats"
RESULT = "mediapipe.tasks.cc.components.containers.proto.landmarks_detection_result_pb2"
FLOAT, INT32, STRING, MESSAGE = 2, 5, 9, 11
POINT = (
    ("x", 1, FLOAT),
    ("y", 2, FLOAT),
    ("z", 3, FLOAT),
    ("visibility", 4, FLOAT),
    ("presence", 5, FLOAT),
)
# {module: {message: fields (name, number, type, message of a list)}}
MESSAGES: dict[str, dict[str, tuple[tuple[Any, ...], ...]]] = {
    f"{FORMATS}.landmark_pb2": {
        "Landmark": POINT,
        "NormalizedLandmark": POINT,
        "NormalizedLandmarkList": (("landmark", 1, MESSAGE, "NormalizedLandmark"),),
    },
    f"{FORMATS}.classification_pb2": {
        "Classification": (
            ("index", 1, INT32),
            ("score", 2, FLOAT),
            ("label", 3, STRING),
            ("display_name", 4, STRING),
        ),
        "ClassificationList": (("classification", 1, MESSAGE, "Classification"),),
    },
    RESULT: {
        "LandmarksDetectionResult": (
            ("landmarks", 1, MESSAGE, ".kit.NormalizedLandmarkList"),
            ("classifications", 2, MESSAGE, ".kit.ClassificationList"),
        ),
    },
}
# Imported for annotations of functions that these tests don't call.
NAMED_ONLY = (f"{FORMATS}.detection_pb2", f"{FORMATS}.location_data_pb2")


class Anything(ModuleType):
    """A module of which every attribute is there, for annotations."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)


def provide() -> None:
    """Put the modules in place, where the wheel has none of its own."""
    # The kit's hook has a mediapipe.framework of its own: the folder tells.
    if Path(importlib.import_module("mediapipe").__file__ or "").with_name("framework").is_dir():
        return
    pool = descriptor_pool.Default()
    pool.Add(_described())
    for path, messages in MESSAGES.items():
        module = _module(path, ModuleType(path))
        for name in messages:
            result = pool.FindMessageTypeByName(f"kit.{name}")
            setattr(module, name, message_factory.GetMessageClass(result))
    for path in NAMED_ONLY:
        _module(path, Anything(path))


def _described() -> descriptor_pb2.FileDescriptorProto:
    described = descriptor_pb2.FileDescriptorProto(name="kit.proto", package="kit", syntax="proto2")
    for messages in MESSAGES.values():
        for name, fields in messages.items():
            message = described.message_type.add(name=name)
            for field, number, kind, *of in fields:
                result = message.field.add(name=field, number=number, type=kind, label=1)
                if of:
                    result.type_name = of[0] if of[0].startswith(".") else f".kit.{of[0]}"
                    result.label = 1 if of[0].startswith(".") else 3
    return described


def _module(path: str, module: ModuleType) -> ModuleType:
    """Register a module and the packages above it."""
    parent, _, name = path.rpartition(".")
    if parent not in sys.modules:
        try:
            importlib.import_module(parent)
        except ModuleNotFoundError:
            package = ModuleType(parent)
            package.__path__ = []
            _module(parent, package)
    sys.modules[path] = module
    setattr(sys.modules[parent], name, module)
    return module
