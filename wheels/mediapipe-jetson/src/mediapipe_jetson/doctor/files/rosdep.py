"""Read what ROS packages ask rosdep for: the keys of a package.xml that bring MediaPipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from xml.parsers import expat

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.facts import ROSDEP, Requirement
from mediapipe_jetson.doctor.files.unreadable import FormError

NAMED = "mediapipe"
DEPEND = "depend"
DEEPEST = 2


@dataclasses.dataclass
class _Element:
    """An element: its name, its text and the line on which that begins."""

    tag: str
    line: int
    condition: str
    parts: list[str] = dataclasses.field(default_factory=list)

    @property
    def text(self) -> str:
        """Return its text, stripped."""
        return "".join(self.parts).strip()


def names(files: Iterable[tuple[str, str, bytes]]) -> frozenset[str]:
    """Return the names of the project's own ROS packages; files are kind, name and content."""
    result: set[str] = set()
    for kind, _, content in files:
        if kind != "rosdep":
            continue
        try:
            result |= {item.text for item in _elements(content) if item.tag == "name"}
        except FormError:
            continue  # its own reader reports it
    return frozenset(result)


def read(
    name: str, content: bytes, keys: Mapping[str, str], own: frozenset[str]
) -> tuple[list[Requirement], list[str]]:
    """Return what rosdep installs of MediaPipe, the newest as its keys have no versions.

    The second list has what is not known. `keys` are rosdep's with the packages that pip then
    takes, `own` the project's ROS packages. Raises FormError.
    """
    result: list[Requirement] = []
    open_: list[str] = []
    for item in _elements(content):
        key = item.text
        if not item.tag.endswith(DEPEND) or NAMED not in key.lower() or key in own:
            continue
        if item.condition:
            open_.append(f"whether {key} is installed is not known: {item.condition}")
        elif key not in keys:
            open_.append(f"what rosdep installs for {key} is not known")
        else:
            result.append(Requirement(name, 0, item.line, keys[key], "", "", "", key, ROSDEP))
    return result, open_


def _elements(content: bytes) -> list[_Element]:
    """Return a file's outermost element and those below it. Raises FormError."""
    parser = expat.ParserCreate()
    result: list[_Element] = []
    around: list[_Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        condition = attributes.get("condition", "").strip()
        around.append(_Element(tag, parser.CurrentLineNumber, condition))
        if len(around) <= DEEPEST:
            result.append(around[-1])

    def text(data: str) -> None:
        if data.strip():
            if not around[-1].parts:
                around[-1].line = parser.CurrentLineNumber
            around[-1].parts.append(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: around.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(documents.decoded(content), True)
    except expat.ExpatError as error:
        raise FormError(f"it is no XML: {error}") from error
    return result
