"""The face model with attention as two plain models: its custom operators are left out."""

from __future__ import annotations

import json

from mediapipe_jetson.backends.base import ModelError, SubModel
from mediapipe_jetson.solutions.graphs import cut
from mediapipe_jetson.solutions.graphs.face import REGIONS, TABLE


def parts(model: SubModel) -> dict[str, SubModel]:
    """Return the part that finds the mesh and the part that refines its regions.

    Raises ModelError for another file than the one that the table is of.
    """
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    if model.sha256 != table["sha256"]:
        raise ModelError(f"{model.name} is not the file whose operators are known")
    mesh, regions = table["parts"]["mesh"], table["parts"]["regions"]
    first = cut.part(model.tflite, mesh["operators"], mesh["outputs"])
    second = cut.part(model.tflite, regions["operators"], regions["outputs"], regions["inputs"])
    return {model.name: SubModel.of(model.name, first), REGIONS: SubModel.of(REGIONS, second)}
