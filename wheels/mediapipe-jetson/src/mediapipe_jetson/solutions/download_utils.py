"""MediaPipe's legacy download of models, for programs and Dockerfiles that call it beforehand."""

from __future__ import annotations

from pathlib import PurePosixPath

from mediapipe_jetson.solutions import fetching, weights
from mediapipe_jetson.solutions.errors import ModelMissingError


def download_oss_model(model_path: str) -> None:
    """Fetch the lite and heavy pose models if one of them is asked for and not there.

    Another model that the kit knows and that is not there raises ModelMissingError; those that it
    does not know are passed over. Raises FetchError, and OSError for a folder that can't be
    written.
    """
    name = PurePosixPath(model_path).name
    for item in weights.table().values():
        if item.filename != name:
            continue
        try:
            weights.load(item.name)
        except ModelMissingError:
            if not item.package:
                raise
            fetching.pose(weights.cache_folder())
