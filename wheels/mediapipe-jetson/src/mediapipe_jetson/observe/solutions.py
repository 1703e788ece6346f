"""Whose `mp.solutions` programs get here, why, and which models the kit's lack."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Union

from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe import packages
from mediapipe_jetson.solutions import hook, weights
from mediapipe_jetson.solutions.errors import ModelMissingError

KIT, MEDIAPIPE, OFF, NONE = "kit", "mediapipe", "off", "none"
NAMES = {KIT: "the kit's", MEDIAPIPE: "MediaPipe's own", OFF: "off", NONE: "none"}
FETCH = "python -m mediapipe_jetson.solutions fetch"


@dataclass(frozen=True)
class Solutions:
    """`in_use` is kit, mediapipe, off or none.

    `missing` are models that the kit's solutions need, `missing_pose` the lite and heavy pose
    models, which only model_complexity 0 and 2 need; both are empty where others are in use.
    """

    in_use: str
    why: str
    missing: tuple[str, ...] = ()
    missing_pose: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        result = [f"{NAMES[self.in_use]}: {self.why}"]
        if self.missing:
            result.append(f"models missing: {', '.join(self.missing)}; {FETCH}")
        if self.missing_pose:
            names = ", ".join(self.missing_pose)
            result.append(f"for model_complexity 0 and 2 of a pose: {names}; {FETCH} --pose")
        return tuple(result)


def read(_root: Path = Path("/")) -> Union[Absent, Solutions]:
    """Return what `import mediapipe` gives in this very Python."""
    spec = PathFinder.find_spec("mediapipe")
    if spec is None:
        return Absent("MediaPipe is not installed")
    in_use, why = _decision(own=hook.own(spec.submodule_search_locations))
    if in_use != KIT:
        return Solutions(in_use, why)
    lacking = [item for name, item in weights.table().items() if not _there(name)]
    return Solutions(
        in_use,
        why,
        tuple(item.filename for item in lacking if not item.package),
        tuple(item.filename for item in lacking if item.package),
    )


def _decision(*, own: bool) -> tuple[str, str]:
    """Return which solutions are in use and why; `own` is whether MediaPipe has some."""
    mediapipe = f"MediaPipe {packages.version('mediapipe') or 'of unknown version'}"
    choice, variable = hook.choice(), hook.VARIABLE
    if choice == hook.OFF:
        return MEDIAPIPE if own else OFF, f"{variable}={choice}"
    if not any(isinstance(item, hook.Finder) for item in sys.meta_path):
        if own:
            return MEDIAPIPE, f"{mediapipe} has its own, and no import hook is installed"
        return NONE, "no import hook is installed: python -m mediapipe_jetson.solutions install"
    if own and choice != hook.KIT:
        why = f"{mediapipe} has its own; {variable}={hook.KIT} puts the kit's in their place"
        return MEDIAPIPE, why
    why = f"{variable}={choice}" if own else f"{mediapipe} has none of its own"
    if choice not in ("", hook.KIT):
        why += f"; {variable}={os.environ[variable].strip()} is unknown and ignored"
    return KIT, why


def _there(name: str) -> bool:
    try:
        weights.load(name)
    except ModelMissingError:
        return False
    return True
