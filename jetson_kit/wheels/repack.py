"""The MediaPipe-Jetson wheel: the official one with leaner metadata and two late imports.

What changes is data in repack.toml. Of native libraries all that is loaded stays byte for byte,
unless it is translated for an older core (translate/); licence and notices stay. What is changed is
stored uncompressed: bytes depend on no compressor, and an image unpacks the wheel at once.
"""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from jetson_kit.core import cached_files, rawzip
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import disk_guard, sha256_file, written_aside
from jetson_kit.core.paths import cache_dir
from jetson_kit.wheels import elf_strip, recipes
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import Pin
from jetson_kit.wheels.recipes import Recipe, Strip
from jetson_kit.wheels.record import hash_of, hex_of
from jetson_kit.wheels.translate import gate
from jetson_kit.wheels.translate import wheel as translated
from jetson_kit.wheels.translate.rewrite import fingerprint

# Raised when the same pin and recipe would give other bytes than before.
FORMAT = 2
SCHEMA = "mediapipe-jetson-kit/wheel-provenance/2"
PROVENANCE = "jetson-provenance.json"
REBUILT = ("METADATA", "WHEEL", "RECORD")


def build(pin: Pin, out: Path) -> Path:
    """Put the MediaPipe-Jetson wheel of `pin` into the folder `out` and return its path.

    The same pin and recipe give the same bytes on every machine, so the cache's is used if it is
    whole; a wheel for the cache's own folder stays in it. Raises NetworkError, IntegrityError,
    BadInputError, DiskFullError.
    """
    recipe = recipes.recipe_for(pin.version)
    translator = fingerprint() if pin.core else ""
    inputs = repr((FORMAT, elf_strip.FORMAT, pin, recipe, translator)).encode()
    folder = cache_dir("wheels", "jetson", hashlib.sha256(inputs).hexdigest()[:16])
    path = folder / pin.jetson_filename
    if not cached_files.intact(path, thorough=True):
        official = wheels.fetch(pin)
        with disk_guard(folder), cached_files.create(path) as aside:
            _repack_file(official, pin, recipe, aside)
        cached_files.forget_unused(folder.parent, "*/*.whl")
    if out == cache_dir("wheels"):
        return path
    with written_aside(out / path.name) as aside:
        shutil.copyfile(path, aside)
    return out / path.name


def repack(official: Path, pin: Pin, recipe: Recipe, out: Path) -> Path:
    """Repack the file of an official wheel by a recipe into the folder `out`."""
    path = out / pin.jetson_filename
    with written_aside(path) as aside:
        _repack_file(official, pin, recipe, aside)
    return path


def _repack_file(official: Path, pin: Pin, recipe: Recipe, path: Path) -> None:
    if sha256_file(official) != pin.sha256:
        raise IntegrityError(
            f"{official.name} is not the wheel with sha256 {pin.sha256}",
            "delete it and run it again",
        )
    with rawzip.opened(official) as source, zipfile.ZipFile(path, "w") as target:
        _write(source, target, pin, recipe)


def _write(source: zipfile.ZipFile, target: zipfile.ZipFile, pin: Pin, recipe: Recipe) -> None:
    old_info = f"mediapipe-{pin.version}.dist-info/"
    new_info = f"mediapipe-{pin.jetson_version}.dist-info/"
    known = _record(source, old_info)
    patches = {patch.path: patch for patch in recipe.patches}
    unused = {strip.path for strip in recipe.strips}
    rows: list[tuple[str, str, str]] = []
    stripped: list[dict[str, object]] = []
    translations: list[dict[str, Any]] = []

    def add(name: str, data: bytes, *, executable: bool = False) -> None:
        rawzip.add(target, name, data, executable=executable)
        rows.append((name, hash_of(data), str(len(data))))

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
            if strip := _strip_for(name, recipe):
                unused.discard(strip.path)
                result, translation = _native(source.read(info), name, strip, pin)
                translations += translation
                add(name, result.data, executable=rawzip.executable(info, name))
                stripped.append(_stripped_row(name, strip, result, known[name], rows[-1]))
                continue
            renamed = name.replace(old_info, new_info, 1) if name.startswith(old_info) else name
            rawzip.copy(source, info, target, renamed)
            rows.append((renamed, *known[name]))
    if missing := (*patches, *sorted(unused)):
        raise IntegrityError(
            f"{pin.filename} has no {', '.join(missing)}", "review jetson_kit/wheels/repack.toml"
        )
    metadata = source.read(f"{old_info}METADATA").decode("utf-8")
    remade = remade_metadata(metadata, pin.jetson_version, recipe)
    add(f"{new_info}METADATA", (remade + translated.notice(translations)).encode())
    add(f"{new_info}WHEEL", remade_wheel(source.read(f"{old_info}WHEEL").decode()).encode())
    provenance = {
        **_provenance(pin, recipe, metadata, changed),
        "stripped": stripped,
        **({"translated": translations} if translations else {}),
        "native_libraries": _native_libraries(rows, known),
    }
    add(f"{new_info}{PROVENANCE}", (json.dumps(provenance, indent=1) + "\n").encode())
    listing = io.StringIO()
    writer = csv.writer(listing, lineterminator="\n")
    writer.writerows([*sorted(rows), (f"{new_info}RECORD", "", "")])
    rawzip.add(target, f"{new_info}RECORD", listing.getvalue().encode())


def _native(
    data: bytes, name: str, strip: Strip, pin: Pin
) -> tuple[elf_strip.Stripped, list[dict[str, Any]]]:
    """Return a library as it is shipped, and what provenance says of its translation, if any."""
    if not pin.core:
        return elf_strip.strip(data, strip.sections, name), []
    translated_library = translated.library(data, name, pin.core)
    result = elf_strip.strip(translated_library.data, strip.sections, name)
    gate.check(result.data, pin.core, translated_library.provenance, name)
    return result, [translated_library.provenance]


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


def _strip_for(name: str, recipe: Recipe) -> Strip | None:
    return next((item for item in recipe.strips if fnmatch.fnmatchcase(name, item.path)), None)


def _stripped_row(
    name: str,
    strip: Strip,
    result: elf_strip.Stripped,
    before: tuple[str, str],
    after: tuple[str, str, str],
) -> dict[str, object]:
    return {
        "path": name,
        "why": strip.why,
        "sections": [{"name": item.name, "bytes": item.size} for item in result.removed],
        "before": {"sha256": hex_of(before[0]), "bytes": int(before[1])},
        "after": {"sha256": hex_of(after[1]), "bytes": int(after[2])},
        "loaded_sha256": result.loaded_sha256,
    }


def _native_libraries(
    rows: list[tuple[str, str, str]], known: dict[str, tuple[str, str]]
) -> list[dict[str, str]]:
    """Return the libraries of the wheel: the hash of what is shipped and the official one."""
    return [
        {"path": name, "sha256": hex_of(digest), "official_sha256": hex_of(known[name][0])}
        for name, digest, _ in sorted(rows)
        if name.endswith(".so") or ".so." in name
    ]


def _provenance(
    pin: Pin,
    recipe: Recipe,
    metadata: str,
    changed: list[dict[str, str]],
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
    }
