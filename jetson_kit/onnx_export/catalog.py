"""Which model files words name: bundles, the legacy solutions' models, or paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models

LEGACY: Mapping[str, Callable[[], list[Path]]] = {
    "legacy": legacy_models.fetch,
    "legacy-pose": legacy_models.fetch_pose,
}
"""The models of images that no bundle has; the lite and heavy pose models, which images lack."""


def files(names: Sequence[str] = ()) -> list[Path]:
    """Return the files of `names` (models or paths), each once; by default all models of images.

    Raises BadInputError for an unknown word, and as models.fetch and legacy_models.
    """
    chosen = tuple(names) or (*models.names(), "legacy")
    named = [word for word in chosen if not is_path(word) and word not in LEGACY]
    known = {model.name for model in models.load().models}
    unknown = [word for word in named if word not in known]
    if unknown:
        raise BadInputError(
            f"unknown model {', '.join(unknown)}",
            f"choose from {', '.join((*sorted(known), *LEGACY))}, or write a path",
        )
    paths = models.fetch(named) if named else []
    for word in chosen:
        if word in LEGACY:
            paths += LEGACY[word]()
        elif is_path(word):
            paths.append(Path(word).expanduser().resolve())
    return list(dict.fromkeys(paths))


def is_path(word: str) -> bool:
    """Tell whether a word is a path, not a name."""
    return word.endswith((".tflite", ".task")) or "/" in word
