"""Which packages an update is limited to, and versions that a person named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from jetson_kit.core.errors import BadInputError


@dataclass(frozen=True)
class Request:
    """What to look at: all packages where `names` is empty; versions by normal name."""

    names: tuple[str, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()

    def covers(self, package: str) -> bool:
        """Return whether a package is to be looked at."""
        return not self.names or canonicalize_name(package) in self.names

    def version(self, package: str) -> str:
        """Return the version that was named for a package, "" where none was."""
        return dict(self.versions).get(canonicalize_name(package), "")


def parse(requirements: Iterable[str]) -> Request:
    """Read words such as `onnxruntime` or `uv==0.14.1`. Raises BadInputError."""
    names: list[str] = []
    versions: list[tuple[str, str]] = []
    for text in requirements:
        cure = "write NAME or NAME==VERSION, like mediapipe==1.2.2"
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise BadInputError(f"{text!r} names no package", cure) from error
        clauses = list(requirement.specifier)
        exact = [
            clause.version
            for clause in clauses
            if clause.operator == "==" and "*" not in clause.version
        ]
        if requirement.url or requirement.marker or requirement.extras or len(exact) < len(clauses):
            raise BadInputError(f"{text!r} names no single version", cure)
        name = canonicalize_name(requirement.name)
        names.append(name)
        versions += [(name, version) for version in exact]
    return Request(tuple(dict.fromkeys(names)), tuple(versions))


def is_major(old: str, new: str) -> bool:
    """Return whether a step may break what is promised: of 0.x the second number counts."""
    before, after = Version(old).release, Version(new).release
    if before[:1] != after[:1]:
        return True
    return before[0] == 0 and before[1:2] != after[1:2]
