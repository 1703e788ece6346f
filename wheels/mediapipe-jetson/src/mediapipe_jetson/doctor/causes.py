"""The ordered list of causes (data/doctor.json) and the result of each one's check."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

from mediapipe_jetson.doctor.result import BAD, Result, UnseenError, unknown
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observation import one_line

DATA = Path(__file__).resolve().parent.parent / "data" / "doctor.json"


@dataclasses.dataclass(frozen=True)
class Cause:
    """One cause; {words} in its texts are filled by its check. `source` says where it is from.

    `titles` and `whys` are for a part of the cause, `cures` for other boards or wheels. `blocks`:
    no other cure can be followed before this one; `project`: its check reads the user's project.
    """

    id: str
    check: str
    title: str
    why: str
    cure: str
    source: str
    cures: dict[str, str] = dataclasses.field(default_factory=dict)
    titles: dict[str, str] = dataclasses.field(default_factory=dict)
    whys: dict[str, str] = dataclasses.field(default_factory=dict)
    blocks: bool = False
    project: bool = False


@dataclasses.dataclass(frozen=True)
class Answer:
    """A cause with its check's result."""

    cause: Cause
    result: Result

    @property
    def bad(self) -> bool:
        """Return whether this cause is at work."""
        return self.result.status == BAD

    @property
    def title(self) -> str:
        """Return what this cause is, as far as its check found it."""
        return self.cause.titles.get(self.result.title, self.cause.title)

    @property
    def why(self) -> str:
        """Return the reason, with the words that the check found."""
        return self._filled(self.cause.whys.get(self.result.title, self.cause.why))

    @property
    def cure(self) -> str:
        """Return what to do, in one line."""
        chosen = self.cause.cures.get(self.result.cure, self.cause.cure)
        return self._filled(chosen)

    def _filled(self, text: str) -> str:
        for key, value in self.result.fills:
            text = text.replace(f"{{{key}}}", value)
        return one_line(text)


def load() -> tuple[tuple[Cause, ...], dict[str, Any]]:
    """Return the causes, what to mend first on top, and the facts that checks compare with."""
    document = json.loads(DATA.read_text(encoding="utf-8"))
    return tuple(Cause(**entry) for entry in document["causes"]), document["facts"]


def examine(scene: Scene, *, project_only: bool = False) -> list[Answer]:
    """Run every check, or only those that read the project; blocking causes come first.

    A check that fails gives unknown, with its reason.
    """
    known, facts = load()
    chosen = [cause for cause in known if cause.project or not project_only]
    answers = [Answer(cause, _checked(cause, scene, facts)) for cause in chosen]
    return sorted(answers, key=lambda item: not (item.cause.blocks and item.bad))


def _checked(cause: Cause, scene: Scene, facts: dict[str, Any]) -> Result:
    module, name = cause.check.split(".")
    try:
        check = getattr(importlib.import_module(f"mediapipe_jetson.doctor.{module}"), name)
        result: Result = check(scene, facts)
    except UnseenError as why:
        return unknown(one_line(why))
    except Exception as error:  # the other checks must be reported all the same
        return unknown(f"the check failed: {type(error).__name__}: {one_line(error)}")
    return result
