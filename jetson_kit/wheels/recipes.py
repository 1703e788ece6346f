"""repack.toml: what the MediaPipe-Jetson wheel of a version needs, and what changes in it."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError, IntegrityError

TABLE = Path(__file__).with_name("repack.toml")


@dataclass(frozen=True)
class Edit:
    """One replacement; `old` must stand in the file exactly once."""

    old: str
    new: str


@dataclass(frozen=True)
class Patch:
    """The edits of one file, written for the one version of it with this hash."""

    path: str
    sha256: str
    why: str
    edits: tuple[Edit, ...]

    def apply(self, original: bytes) -> bytes:
        """Return the changed file. Raises IntegrityError if this is not the file it is for."""
        value = hashlib.sha256(original).hexdigest()
        if value != self.sha256:
            raise IntegrityError(
                f"{self.path} has sha256 {value}, its patch is for {self.sha256}",
                "review the patch in jetson_kit/wheels/repack.toml against this MediaPipe",
            )
        text = original.decode("utf-8")
        for edit in self.edits:
            count = text.count(edit.old)
            if count != 1:
                raise IntegrityError(
                    f"{self.path} has {count} places for the edit {edit.old.strip()[:40]!r}",
                    "make `old` in jetson_kit/wheels/repack.toml fit exactly one",
                )
            text = text.replace(edit.old, edit.new)
        return text.encode("utf-8")


@dataclass(frozen=True)
class Strip:
    """A native library that is shipped without sections that are never loaded."""

    path: str
    """A pattern, as fnmatch has it: names of libraries differ between Pythons."""
    sections: tuple[str, ...]
    """Patterns of the sections that may go."""
    why: str


@dataclass(frozen=True)
class Recipe:
    """What a MediaPipe version needs for inference, its extras, patches and strips."""

    version: str
    requires: tuple[str, ...]
    extras: tuple[tuple[str, tuple[str, ...]], ...]
    patches: tuple[Patch, ...]
    strips: tuple[Strip, ...] = ()

    def requirement_lines(self) -> list[str]:
        """Return the metadata's lines on dependencies."""
        lines = [f"Requires-Dist: {need}" for need in self.requires]
        for extra, needs in self.extras:
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {need}; extra == "{extra}"' for need in needs]
        return lines


@functools.cache
def load(table: Path = TABLE) -> dict[str, Recipe]:
    """Return the recipes by MediaPipe version."""
    result = {}
    for row in tomllib.loads(table.read_text(encoding="utf-8"))["recipe"]:
        patches = tuple(
            Patch(
                patch["path"],
                patch["sha256"],
                patch["why"],
                tuple(Edit(edit["old"], edit["new"]) for edit in patch["edit"]),
            )
            for patch in row.get("patch", ())
        )
        extras = tuple((name, tuple(needs)) for name, needs in row.get("extras", {}).items())
        strips = tuple(
            Strip(strip["path"], tuple(strip["sections"]), strip["why"])
            for strip in row.get("strip", ())
        )
        for version in row["versions"]:
            result[version] = Recipe(version, tuple(row["requires"]), extras, patches, strips)
    return result


def recipe_for(version: str) -> Recipe:
    """Return the recipe of a MediaPipe version. Raises BadInputError."""
    known = load()
    if version not in known:
        raise BadInputError(
            f"no recipe for MediaPipe {version}",
            f"jetson_kit/wheels/repack.toml has {', '.join(known)}",
        )
    return known[version]
