"""The face model with attention as two plain models: its custom operators are left out."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from mediapipe_jetson.backends.base import ModelError, SubModel
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.solutions.graphs import cut

TABLE = DATA / "legacy_attention.json"
REGIONS = "face_regions"


@lru_cache(maxsize=1)
def _table() -> Any:  # noqa: ANN401 # JSON
    return json.loads(TABLE.read_text(encoding="utf-8"))


def digest() -> str:
    """Return the sha256 of the file whose operators are known."""
    return str(_table()["sha256"])


def parts(model: SubModel) -> dict[str, SubModel]:
    """Return the part that finds the mesh and the part that refines its regions.

    Raises ModelError for another file than the one that the table is of.
    """
    if model.sha256 != digest():
        raise ModelError(f"{model.name} is not the file whose operators are known")
    mesh, regions = (_table()["parts"][name] for name in ("mesh", "regions"))
    first = cut.part(model.tflite, mesh["operators"], mesh["outputs"])
    second = cut.part(model.tflite, regions["operators"], regions["outputs"], regions["inputs"])
    return {model.name: SubModel.of(model.name, first), REGIONS: SubModel.of(REGIONS, second)}
