"""The version of kit, device wheel and collection, and that all that names one agrees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.ansible_driver import collection_archive
from jetson_kit.core import paths
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import version_in

KIT = Path("jetson_kit", "__init__.py")
WHEEL = Path("wheels", "mediapipe-jetson", "src", "mediapipe_jetson", "__init__.py")
COLLECTION = paths.COLLECTION.relative_to(paths.ROOT)
CHANGES = Path("CHANGELOG.md")
CODE = ("jetson_kit/**/*.py", "wheels/mediapipe-jetson/src/**/*.py", "ansible/**/*.py")
SCHEMAS = ("jetson_kit/schemas/*.json", "wheels/mediapipe-jetson/src/**/*.schema.json")
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
HEADING = re.compile(r"^## (?P<title>.*)$", re.MULTILINE)
DATED = re.compile(r"(?P<version>[0-9.]+) \([0-9]{4}-[0-9]{2}-[0-9]{2}\)")


def problems(root: Path = ROOT, tag: str = "") -> list[str]:
    """Return where versions disagree: kit, wheel, collection, and the tag if there is one."""
    kit, wheel = version_in(root / KIT), version_in(root / WHEEL)
    collection = collection_archive.version(root / COLLECTION)
    result = []
    if not VERSION.fullmatch(kit):
        result.append(f"{KIT}: {kit} is not X.Y.Z")
    if wheel != kit:
        result.append(f"{WHEEL}: {wheel}, but the kit is {kit}: write {kit} there")
    if collection != kit:
        place = COLLECTION / "galaxy.yml"
        result.append(f"{place}: {collection}, but the kit is {kit}: write {kit} there")
    if tag and tag != f"v{kit}":
        result.append(f"the tag {tag} is not v{kit}: tag the commit whose version it names")
    return result


def changelog_problems(root: Path = ROOT) -> list[str]:
    """Return what the lists of changes lack for a release of this version."""
    kit = version_in(root / KIT)
    places = (CHANGES, COLLECTION / CHANGES)
    return [line for place in places if (line := _changelog_problem(root, place, kit))]


def _changelog_problem(root: Path, place: Path, kit: str) -> str:
    text = (root / place).read_text(encoding="utf-8")
    match = HEADING.search(text)
    if not match:
        return f"{place}: no heading of a version: begin one with ## {kit} (YYYY-MM-DD)"
    dated = DATED.fullmatch(match["title"])
    if not dated or dated["version"] != kit:
        return f"{place}: the first heading is {match['title']!r}: write {kit} (YYYY-MM-DD)"
    entry = text[match.end() :]
    following = HEADING.search(entry)
    if not entry[: following.start() if following else None].strip():
        return f"{place}: nothing stands below {match['title']}: say what changed for users"
    return ""


def schema_problems(root: Path = ROOT) -> list[str]:
    """Return schemas whose version no code writes or reads, or whose two names differ."""
    code = "".join(
        path.read_text(encoding="utf-8") for place in CODE for path in sorted(root.glob(place))
    )
    result = []
    for path in schema_files(root):
        document = json.loads(path.read_text(encoding="utf-8"))
        name = document.get("properties", {}).get("schema", {}).get("const")
        identity = document.get("$id")
        shown = path.relative_to(root)
        if isinstance(name, str) and f'"{name}"' not in code:
            result.append(f"{shown}: no code writes {name}: give both the same version")
        if isinstance(name, str) and identity not in (None, name):
            result.append(f"{shown}: $id is {identity}, but the documents say {name}")
    return result


def schema_files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the schemas of the kit's documents."""
    for place in SCHEMAS:
        yield from sorted(root.glob(place))
