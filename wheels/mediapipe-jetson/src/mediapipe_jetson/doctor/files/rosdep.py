"""Read what ROS packages ask rosdep for: the keys of a package.xml that bring MediaPipe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.facts import ROSDEP, Requirement
from mediapipe_jetson.doctor.files.unreadable import FormError

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
DEPENDS = re.compile(r"<(?P<tag>\w*depend)(?:\s[^>]*)?>\s*(?P<key>[^<]*?)\s*</(?P=tag)\s*>")
NAME = re.compile(r"<name>\s*([^<\s]+)\s*</name>")
NAMED = "mediapipe"


def names(files: Iterable[tuple[str, str, bytes]]) -> frozenset[str]:
    """Return the names of the project's own ROS packages; files are kind, name and content."""
    return frozenset(
        match[1]
        for kind, _, content in files
        if kind == "rosdep" and (match := NAME.search(_plain(content)))
    )


def read(
    name: str, content: bytes, keys: Mapping[str, str], own: frozenset[str]
) -> list[Requirement]:
    """Return what rosdep installs of MediaPipe: the newest, as its keys have no versions.

    `keys` are rosdep's with the packages that pip then takes, `own` the project's ROS packages.
    Raises FormError for a key of MediaPipe's that is none of these.
    """
    text = _plain(content)
    result = []
    for match in DEPENDS.finditer(text):
        key = match["key"]
        if NAMED not in key.lower() or key in own:
            continue
        if key not in keys:
            raise FormError(f"what rosdep installs for {key} is not known")
        line = text.count("\n", 0, match.start("key")) + 1
        result.append(Requirement(name, 0, line, keys[key], "", "", "", key, ROSDEP))
    return result


def _plain(content: bytes) -> str:
    """Return a file's text without comments, its lines in their places."""
    return COMMENT.sub(lambda match: "\n" * match[0].count("\n"), documents.decoded(content))
