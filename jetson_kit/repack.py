"""The MediaPipe-Jetson wheel: the official one with leaner metadata and two late imports.

What changes is data in repack.toml; native libraries, licence and notices stay byte for byte.
"""

from __future__ import annotations

import base64
import csv
import functools
import hashlib
import io
import json
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from jetson_kit import rawzip, wheels
from jetson_kit.errors import BadInputError, IntegrityError
from jetson_kit.files import sha256_file, written_aside
from jetson_kit.wheels import Pin

TABLE = Path(__file__).with_name("repack.toml")
SCHEMA = "mediapipe-jetson-kit/wheel-provenance/1"
PROVENANCE = "jetson-provenance.json"
REBUILT = ("METADATA", "WHEEL", "RECORD")


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
        found = hashlib.sha256(original).hexdigest()
        if found != self.sha256:
            raise IntegrityError(
                f"{self.path} has sha256 {found}, its patch is for {self.sha256}",
                "review the patch in jetson_kit/repack.toml against this MediaPipe",
            )
        text = original.decode("utf-8")
        for edit in self.edits:
            count = text.count(edit.old)
            if count != 1:
                raise IntegrityError(
                    f"{self.path} has {count} places for the edit {edit.old.strip()[:40]!r}",
                    "make `old` in jetson_kit/repack.toml fit exactly one",
                )
            text = text.replace(edit.old, edit.new)
        return text.encode("utf-8")


@dataclass(frozen=True)
class Recipe:
    """What a MediaPipe version needs for inference, its extras and its patches."""

    version: str
    requires: tuple[str, ...]
    extras: tuple[tuple[str, tuple[str, ...]], ...]
    patches: tuple[Patch, ...]

    def requirement_lines(self) -> list[str]:
        """Return the metadata's lines on dependencies."""
        lines = [f"Requires-Dist: {need}" for need in self.requires]
        for extra, needs in self.extras:
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {need}; extra == "{extra}"' for need in needs]
        return lines


@functools.cache
def recipes(table: Path = TABLE) -> dict[str, Recipe]:
    """Return the recipes by MediaPipe version."""
    found = {}
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
        for version in row["versions"]:
            found[version] = Recipe(version, tuple(row["requires"]), extras, patches)
    return found


def recipe_for(version: str) -> Recipe:
    """Return the recipe of a MediaPipe version. Raises BadInputError."""
    known = recipes()
    if version not in known:
        raise BadInputError(
            f"no recipe for MediaPipe {version}", f"jetson_kit/repack.toml has {', '.join(known)}"
        )
    return known[version]


def build(pin: Pin, out: Path) -> Path:
    """Write the MediaPipe-Jetson wheel of `pin` into the folder `out` and return its path.

    The same pin and recipe give the same bytes on every machine. Raises NetworkError,
    IntegrityError, BadInputError.
    """
    return repack(wheels.fetch(pin), pin, recipe_for(pin.version), out)


def repack(official: Path, pin: Pin, recipe: Recipe, out: Path) -> Path:
    """Repack the file of an official wheel by a recipe into the folder `out`."""
    if sha256_file(official) != pin.sha256:
        raise IntegrityError(
            f"{official.name} is not the wheel with sha256 {pin.sha256}",
            "delete it and run it again",
        )
    made = out / pin.jetson_filename
    with (
        rawzip.opened(official) as source,
        written_aside(made) as aside,
        zipfile.ZipFile(aside, "w") as target,
    ):
        _write(source, target, pin, recipe)
    return made


def _write(source: zipfile.ZipFile, target: zipfile.ZipFile, pin: Pin, recipe: Recipe) -> None:
    old_info = f"mediapipe-{pin.version}.dist-info/"
    new_info = f"mediapipe-{pin.jetson_version}.dist-info/"
    known = _record(source, old_info)
    patches = {patch.path: patch for patch in recipe.patches}
    rows: list[tuple[str, str, str]] = []

    def add(name: str, data: bytes) -> None:
        rawzip.add(target, name, data)
        rows.append((name, _record_hash(data), str(len(data))))

    members = [info for info in source.infolist() if not info.is_dir()]
    members.sort(key=lambda info: (info.filename.startswith(old_info), info.filename))
    changed: list[dict[str, str]] = []
    for info in members:
        name = info.filename
        if name in patches:
            patch = patches.pop(name)
            data = patch.apply(source.read(info))
            after = hashlib.sha256(data).hexdigest()
            changed.append({"path": name, "why": patch.why, "before": patch.sha256, "after": after})
            add(name, data)
        elif name.removeprefix(old_info) not in REBUILT:
            if name not in known:
                raise IntegrityError(f"{pin.filename}: {name} is not in its RECORD")
            renamed = name.replace(old_info, new_info, 1) if name.startswith(old_info) else name
            rawzip.copy(source, info, target, renamed)
            rows.append((renamed, *known[name]))
    if patches:
        raise IntegrityError(
            f"{pin.filename} has no {', '.join(patches)}", "review jetson_kit/repack.toml"
        )
    metadata = source.read(f"{old_info}METADATA").decode("utf-8")
    add(f"{new_info}METADATA", remade_metadata(metadata, pin.jetson_version, recipe).encode())
    add(f"{new_info}WHEEL", remade_wheel(source.read(f"{old_info}WHEEL").decode()).encode())
    provenance = _provenance(pin, recipe, metadata, changed, known)
    add(f"{new_info}{PROVENANCE}", (json.dumps(provenance, indent=1) + "\n").encode())
    listing = io.StringIO()
    writer = csv.writer(listing, lineterminator="\n")
    writer.writerows([*sorted(rows), (f"{new_info}RECORD", "", "")])
    rawzip.add(target, f"{new_info}RECORD", listing.getvalue().encode())


def remade_metadata(text: str, version: str, recipe: Recipe) -> str:
    """Return METADATA with our version and dependencies; every other line stays as it was."""
    head, blank, body = text.partition("\n\n")
    dependencies = recipe.requirement_lines()
    lines: list[str] = []
    placed = False
    for line in head.splitlines():
        field = line.partition(":")[0]
        if field in ("Requires-Dist", "Provides-Extra"):
            if not placed:
                lines += dependencies
                placed = True
        elif field == "Version":
            lines.append(f"Version: {version}")
        else:
            lines.append(line)
            if line.lower() == "dynamic: license-file" and recipe.extras:
                lines.append("Dynamic: provides-extra")
    if not placed:
        lines += dependencies
    return "\n".join(lines) + blank + body


def remade_wheel(text: str) -> str:
    """Return WHEEL that names this kit as what wrote the file."""
    return "".join(
        "Generator: mediapipe-jetson-kit\n" if line.startswith("Generator:") else line
        for line in text.splitlines(keepends=True)
    )


def _record(source: zipfile.ZipFile, dist_info: str) -> dict[str, tuple[str, str]]:
    try:
        text = source.read(f"{dist_info}RECORD").decode("utf-8")
    except KeyError as error:
        raise IntegrityError(f"{source.filename} has no {dist_info}RECORD") from error
    return {row[0]: (row[1], row[2]) for row in csv.reader(text.splitlines()) if row}


def _record_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def _hex(record_hash: str) -> str:
    encoded = record_hash.removeprefix("sha256=")
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()


def _provenance(
    pin: Pin,
    recipe: Recipe,
    metadata: str,
    changed: list[dict[str, str]],
    known: dict[str, tuple[str, str]],
) -> dict[str, object]:
    head = metadata.partition("\n\n")[0].splitlines()
    before = [line.partition(": ")[2] for line in head if line.startswith("Requires-Dist:")]
    return {
        "schema": SCHEMA,
        "version": pin.jetson_version,
        "source": {"filename": pin.filename, "sha256": pin.sha256},
        "changed": [
            *changed,
            {"path": "METADATA", "why": "ask for what inference needs; the rest are extras"},
            {"path": "WHEEL", "why": "name what wrote the file"},
        ],
        "requires": {
            "before": before,
            "after": list(recipe.requires),
            "extras": {name: list(needs) for name, needs in recipe.extras},
        },
        "native_libraries": [
            {"path": name, "sha256": _hex(digest)}
            for name, (digest, _) in sorted(known.items())
            if name.endswith(".so") or ".so." in name
        ],
    }
